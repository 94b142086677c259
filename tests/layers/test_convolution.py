import re

import keras
import numpy as np
import pytest

from alic_tf.layers.convolution import (
    MaskedConvolution,
    SignalConvolution,
    SubpixelConvolution,
    depth_to_space,
    space_to_depth,
)
from tests.golden import load, relative_error

GOLDEN = load("signal_convolution")
CASES = sorted({key.rsplit("/", 1)[0] for key in GOLDEN})


@pytest.mark.parametrize("case", CASES)
def test_equals_original_layer(case):
    size, mode, down, up = re.fullmatch(
        r"h\dw\d+_k(\d)_(corr|conv)_down(\d)_up(\d)_same_zeros_extra1", case).groups()
    layer = SignalConvolution(3, int(size), strides=int(down), upsample=int(up),
                              flip=mode == "conv")
    x = GOLDEN[f"{case}/x"]
    layer.build(x.shape)
    layer.kernel.assign(GOLDEN[f"{case}/kernel"])
    layer.bias.assign(GOLDEN[f"{case}/bias"])
    y = layer(x)
    assert layer.compute_output_shape(x.shape) == tuple(y.shape)
    assert relative_error(y, GOLDEN[f"{case}/y"]) < 1e-6


def direct(x, kernel, upsample):
    """Zero insertion and convolution, tap by tap."""
    height, width = x.shape[1] * upsample, x.shape[2] * upsample
    size = kernel.shape[0]
    wide = np.zeros((x.shape[0], height + 2 * size, width + 2 * size, x.shape[3]))
    wide[:, size:size + height:upsample, size:size + width:upsample] = x
    y = 0
    for i in range(size):
        for j in range(size):
            top, left = size + size // 2 - i, size + size // 2 - j
            y = y + wide[:, top:top + height, left:left + width] @ kernel[i, j]
    return y


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("upsample", [2, 3, 4])
def test_upsampling_by_any_factor_and_kernel(size, upsample):
    x = np.random.default_rng(size).normal(size=(1, 3, 5, 2)).astype("float32")
    layer = SignalConvolution(3, size, upsample=upsample, flip=True)
    y = layer(x)
    assert relative_error(y, direct(x, layer.kernel.numpy(), upsample)) < 1e-6


def test_masked_convolution_sees_only_the_decoded_past():
    layer = MaskedConvolution(4, 5)
    x = np.random.default_rng(0).normal(size=(1, 9, 9, 3)).astype("float32")
    before = layer(x).numpy()
    changed = x.copy()
    changed[0, 4, 4] += 1
    affected = np.abs(layer(changed).numpy() - before).max(-1)[0] > 0
    expected = np.zeros((9, 9), bool)
    expected[4, 5:7] = True
    expected[5:7, 2:7] = True
    np.testing.assert_array_equal(affected, expected)


def test_subpixel_channel_order():
    x = np.arange(8, dtype="float32").reshape(1, 1, 1, 8)
    y = np.asarray(depth_to_space(x, 2))
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 2], [4, 6]])
    np.testing.assert_array_equal(y[0, :, :, 1], [[1, 3], [5, 7]])
    np.testing.assert_array_equal(np.asarray(space_to_depth(y, 2)), x)


@pytest.mark.parametrize("layer, shape", [
    (SignalConvolution(4, 3, strides=2, activation="leaky_relu"), (1, 4, 4, 4)),
    (SignalConvolution(4, 5, upsample=2, flip=True, use_bias=False), (1, 14, 16, 4)),
    (MaskedConvolution(4, 3), (1, 7, 8, 4)),
    (SubpixelConvolution(4, 3, activation="relu"), (1, 14, 16, 4)),
])
def test_saved_and_loaded_model_is_the_same(layer, shape, tmp_path):
    x = np.random.default_rng(0).normal(size=(1, 7, 8, 2)).astype("float32")
    model = keras.Sequential([keras.Input((None, None, 2)), layer])
    y = model(x)
    assert tuple(y.shape) == shape
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(x), y)


@pytest.mark.parametrize("arguments, message", [
    ({"activation": "swish"}, "leaky_relu.*gelu"),
    ({"strides": 2, "upsample": 2}, "only one"),
    ({"kernel_size": 4, "upsample": 2}, "odd"),
])
def test_impossible_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SignalConvolution(**{"filters": 2, "kernel_size": 3, **arguments})
    with pytest.raises(ValueError, match="odd"):
        MaskedConvolution(2, 4)
