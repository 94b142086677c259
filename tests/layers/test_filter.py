import numpy as np

from alic_tf.layers.filter import PostQuantizationFilter


def test_starts_as_the_identity():
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 4)).astype("float32")
    np.testing.assert_array_equal(PostQuantizationFilter()(x), x)


def test_filters_each_map_with_its_own_3x3_kernel():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 5, 6, 3)).astype("float32")
    layer = PostQuantizationFilter()
    layer.build(x.shape)
    kernel = rng.normal(size=(3, 3, 3, 1)).astype("float32")
    layer.kernel.assign(kernel)
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = sum(wide[:, i:i + 5, j:j + 6] * kernel[i, j, :, 0]
                   for i in range(3) for j in range(3))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)
