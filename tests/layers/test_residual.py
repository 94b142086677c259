import keras
import numpy as np
import pytest

from alic_tf.layers.residual import MSRB, ResidualBlock
from tests.golden import Weights, load, relative_error


def test_msrb_equals_original():
    golden = load("fu2022_gmm_n16")
    x = golden["act/analysis/NLAB_0"]
    block = MSRB(16)
    block.build(x.shape)
    Weights(golden).msrb(block, "analysis/multiply_residual_block2")
    expected = golden["act/analysis/multiply_residual_block2"]
    assert relative_error(block(x), expected) < 1e-5
    assert relative_error(x, expected) > 1e-2


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_residual_block_is_a_bottleneck_of_its_kernel_size(kernel_size):
    block = ResidualBlock(6, kernel_size)
    x = np.random.default_rng(0).normal(size=(1, 11, 11, 6)).astype("float32")
    y = block(x).numpy()
    weights = [(layer.kernel.numpy(), layer.bias.numpy()) for layer in block.convolutions]
    assert [kernel.shape for kernel, _ in weights] == [
        (1, 1, 6, 3), (kernel_size, kernel_size, 3, 3), (1, 1, 3, 6)]
    # Row 5, column 5 by hand.
    hidden = np.maximum(x @ weights[0][0][0, 0] + weights[0][1], 0)
    reach = kernel_size // 2
    window = hidden[0, 5 - reach:6 + reach, 5 - reach:6 + reach]
    middle = np.maximum(np.einsum("ijc,ijcd->d", window, weights[1][0]) + weights[1][1], 0)
    expected = x[0, 5, 5] + middle @ weights[2][0][0, 0] + weights[2][1]
    np.testing.assert_allclose(y[0, 5, 5], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalization", ["gdn", "ln_prelu"])
def test_saved_and_loaded_msrb_is_the_same(normalization, tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 6)).astype("float32")
    model = keras.Sequential([keras.Input((None, None, 6)), MSRB(6, normalization)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_unknown_normalization_is_named():
    with pytest.raises(ValueError, match="gdn"):
        MSRB(8, normalization="batch")
