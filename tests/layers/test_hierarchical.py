import numpy as np
import pytest

from alic_tf.layers.hierarchical import HCNN, MBConv
from tests.layers.torch_golden import (
    GOLDEN,
    assert_survives_saving,
    assert_trains,
    channels_last,
    conv_weights,
    load_state,
    set_unit,
)

RNG = np.random.default_rng(34)
MBCONV_CASES = {
    "mbconv_res": {"filters": 8},
    "mbconv_exp2_to12": {"filters": 12, "expansion": 2},
    "mbconv_stride2_k5": {"filters": 8, "kernel_size": 5, "strides": 2},
    "mbconv_exp1": {"filters": 8, "expansion": 1},
}


def random(*shape):
    return RNG.standard_normal(shape).astype("float32")


def set_mbconv(layer, state, prefix=""):
    for unit in layer.expanding + layer.filtering:
        name = f"{prefix}{unit.name}"
        set_unit(unit, state, f"{name}.0", f"{name}.1", f"{name}.2" if unit.activation else None)


@pytest.mark.parametrize("case", MBCONV_CASES)
def test_mbconv_equals_the_public_implementation(case):
    x = channels_last(GOLDEN[f"{case}/input"])
    layer = MBConv(**MBCONV_CASES[case], batch_normalization=True)
    layer.build(x.shape)
    set_mbconv(layer, load_state(case))
    output = layer(x)
    assert output.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(output, channels_last(GOLDEN[f"{case}/output"]), atol=1e-5)


@pytest.mark.parametrize("case", ["improved_hcnn_3to16", "improved_hcnn_16to16"])
def test_hcnn_equals_the_public_implementation(case):
    x = channels_last(GOLDEN[f"{case}/input"])
    layer = HCNN(16, batch_normalization=True)
    layer.build(x.shape)
    state = load_state(case)
    for i, stage in enumerate(layer.stages):
        set_mbconv(stage, state, f"stage{i + 1}.")
    for shortcut in layer.shortcut:
        shortcut.set_weights(conv_weights(state, "skip_proj"))
    np.testing.assert_allclose(layer(x), channels_last(GOLDEN[f"{case}/output"]), atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        MBConv(8),
        MBConv(12, 2, 5, 2),
        MBConv(8, 1, batch_normalization=True),
        HCNN(8),
        HCNN(12, 5, batch_normalization=True),
    ],
)
def test_blocks_train_and_survive_saving(layer, tmp_path):
    x = random(2, 9, 6, 8)
    assert_trains(layer, x)
    assert_survives_saving(layer, x, tmp_path)


def test_mbconv_without_normalization_has_biases():
    layer = MBConv(8)
    layer.build((None, None, None, 8))
    assert layer.count_params() == (8 * 32 + 32 + 32) + (32 * 9 + 32 + 32) + (32 * 8 + 8)


def test_mbconv_rejects_even_kernels():
    with pytest.raises(ValueError, match="kernel_size must be odd, got 4"):
        MBConv(8, kernel_size=4)
