import keras
import numpy as np
import pytest

from alic_tf.layers.activation import activated
from alic_tf.layers.attention import MaskAttention
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.gdn_residual import GDNResidualBlock
from alic_tf.layers.resampling import ResidualUpsampling

X = np.random.default_rng(0).normal(size=(1, 8, 6, 5)).astype("float32")


def convolved(x, layer):
    """The 3x3 convolution of a picture [h, w, c] in numpy, at every position."""
    padded = np.pad(x.astype("float64"), ((1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
    return np.einsum("ijcab,abcd->ijd", windows, layer.kernel.numpy()) + layer.bias.numpy()


def normalized(x, layer):
    beta, gamma = (np.asarray(value) for value in layer.effective())
    return x * (beta + x**2 @ gamma) ** (0.5 if layer.inverse else -0.5)


def randomized(layer):
    """The layer with random weights, positive where it normalizes."""
    layer(X)
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(variable + 0.2 * np.abs(rng.normal(size=variable.shape)))
    return layer


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("strides", [1, 2])
def test_block_adds_two_normalized_convolutions(strides, inverse):
    block = randomized(GDNResidualBlock(5, strides, inverse))
    first, norm1, second, norm2 = block.trunk
    skip = X[0]
    if strides > 1:
        shortcut, = block.shortcut
        skip = skip[::2, ::2] @ shortcut.kernel.numpy()[0, 0] + shortcut.bias.numpy()
    hidden = normalized(convolved(X[0], first)[::strides, ::strides], norm1)
    expected = skip + normalized(convolved(hidden, second), norm2)
    np.testing.assert_allclose(block(X)[0], expected, rtol=1e-4, atol=1e-4)
    assert block.compute_output_shape(X.shape) == (1, *expected.shape)


def test_mask_weighs_the_input():
    attention = randomized(MaskAttention(5))
    mask = 1 / (1 + np.exp(-convolved(X[0], attention.mask)))
    np.testing.assert_allclose(attention(X)[0], X[0] * (1 + mask), rtol=1e-4, atol=1e-5)


def test_slopes_are_those_of_leaky_relu_or_trained():
    leaky, = activated(SignalConvolution, 4, 3)
    convolution, slopes = activated(SignalConvolution, 4, 3, activation="prelu")
    for layer in (leaky, convolution):
        layer.build(X.shape)
    convolution.kernel.assign(leaky.kernel)
    plain = convolution(X)
    np.testing.assert_allclose(leaky(X), np.where(plain > 0, plain, 0.2 * plain), atol=1e-6)
    np.testing.assert_allclose(slopes(plain), np.where(plain > 0, plain, 0.25 * plain), atol=1e-6)
    assert slopes.alpha.shape == (1, 1, 4)
    with pytest.raises(ValueError, match="leaky_relu"):
        activated(SignalConvolution, 4, 3, activation="swish")


def test_upsampling_with_trained_slopes():
    leaky, trained = (ResidualUpsampling(4, activation=name) for name in ("leaky_relu", "prelu"))
    randomized(leaky)
    trained(X)
    *_, slopes = (v for v in trained.variables if v.path.endswith("alpha"))
    slopes.assign(np.full(slopes.shape, 0.2))
    others = [v for v in trained.variables if v is not slopes]
    for variable, value in zip(others, leaky.variables, strict=True):
        variable.assign(value)
    np.testing.assert_allclose(trained(X), leaky(X), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(
        ResidualUpsampling.from_config(trained.get_config()).activation, "prelu")


def test_saved_and_loaded_blocks_are_the_same(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 5)), GDNResidualBlock(6, 2),
                              MaskAttention(6), ResidualUpsampling(3, activation="prelu")])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(X), model(X))
