"""The layers of ICWEM against the numbers of its public PyTorch code."""

import numpy as np
import pytest
from keras import ops

from alic_tf.layers.attention import NonLocalAttention
from alic_tf.layers.conv_transformer import ConvTransformerBlock, SwinAttention
from alic_tf.layers.convolution import SubpixelConvolution, space_to_depth
from alic_tf.layers.enhancement import Enhancement
from alic_tf.layers.invertible import AffineCoupling, InvertibleNetwork
from alic_tf.layers.resampling import ResidualDownsampling, ResidualUpsampling
from alic_tf.layers.residual import ResidualPair
from alic_tf.layers.swin import SwinBlock, WindowAttention
from tests import golden, icwem_weights
from tests.layers.torch_golden import assert_survives_saving, assert_trains, channels_last

GOLDEN = golden.load("icwem_torch")
SLIGHT = {"activation": "leaky_relu_0.01"}
BLOCKS = {
    "residual_block": (ResidualPair(8), icwem_weights.residual_pair, ""),
    "residual_block_with_stride": (
        ResidualDownsampling(12, **SLIGHT), icwem_weights.downsampling, ""),
    "residual_block_upsample": (
        ResidualUpsampling(12, shortcut_size=3, flip=False, **SLIGHT),
        icwem_weights.upsampling, ""),
    "attention_block": (NonLocalAttention(8, activation="relu"), icwem_weights.non_local, ""),
    "conv_trans_block_W": (ConvTransformerBlock(32, 8), icwem_weights.conv_transformer, ""),
    "conv_trans_block_SW": (
        ConvTransformerBlock(32, 8, shifted=True), icwem_weights.conv_transformer, ""),
}
LARGE_BLOCKS = {
    "swatten": (SwinAttention(48), icwem_weights.swin_attention, ""),
    "subpel_conv3x3": (SubpixelConvolution(12, 3), icwem_weights.subpixel, "0"),
}


def random(*shape):
    return np.random.default_rng(7).normal(size=shape).astype("float32")


def check(data, case, layer, set_weights, name):
    x = channels_last(data[f"{case}/input"])
    layer.build(x.shape)
    set_weights(layer, icwem_weights.below(data, f"{case}/state/"), name)
    expected = channels_last(data[f"{case}/output"])
    y = layer(x)
    assert layer.compute_output_shape(x.shape) == tuple(y.shape)
    assert golden.relative_error(y, expected) < 2e-6


@pytest.mark.parametrize("case", BLOCKS)
def test_block_equals_original(case):
    check(GOLDEN, case, *BLOCKS[case])


@pytest.fixture(scope="module")
def large():
    return golden.load_large("icwem_torch")


@pytest.mark.parametrize("case", LARGE_BLOCKS)
def test_large_block_equals_original(large, case):
    check(large, case, *LARGE_BLOCKS[case])


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_enhancement_equals_original(large, direction):
    layer = Enhancement(16)
    layer.build((None, None, None, 3))
    start = f"enh16/state/{'forw' if direction == 'forward' else 'back'}_enh."
    icwem_weights.enhancement(layer, icwem_weights.below(large, start), "")
    y = layer(channels_last(large["enh16/input"]))
    assert golden.relative_error(y, channels_last(large[f"enh16/{direction}"])) < 2e-6


def test_coupling_equals_original(large):
    layer = AffineCoupling(1, 5)
    layer.build((None, None, None, 3))
    icwem_weights.coupling(layer, icwem_weights.below(large, "coupling/state/"), "")
    x = channels_last(large["coupling/input"])
    for inverse, name in ((False, "forward"), (True, "reverse")):
        expected = channels_last(large[f"coupling/{name}"])
        assert golden.relative_error(layer(x, inverse=inverse), expected) < 2e-6


def test_attention_and_its_block_equal_the_original():
    state = icwem_weights.below(GOLDEN, "conv_trans_block_SW/state/trans_block.")
    x = GOLDEN["conv_trans_block_SW/msa_input_nhwc"]
    attention, block = WindowAttention(8, 8, shifted=True), SwinBlock(8, 8, shifted=True)
    for layer in (attention, block):
        layer.build(x.shape)
    icwem_weights.window_attention(attention, state, "msa.")
    icwem_weights.swin(block, state, "")
    for layer, name in ((attention, "msa"), (block, "swin")):
        expected = GOLDEN[f"conv_trans_block_SW/{name}_output_nhwc"]
        assert golden.relative_error(layer(x), expected) < 2e-6


def test_invertible_network_equals_original():
    layer = InvertibleNetwork()
    layer.build((None, None, None, 3))
    icwem_weights.invertible(layer, icwem_weights.below(GOLDEN, "inv/state/"), "")
    x = channels_last(GOLDEN["inv/input"])
    y = layer(x)
    assert golden.relative_error(y, channels_last(GOLDEN["inv/forward"])) < 1e-5
    np.testing.assert_allclose(layer(y, inverse=True), x, atol=1e-4)


def test_squeezing_is_space_to_depth():
    x = channels_last(GOLDEN["squeeze/input"])
    np.testing.assert_array_equal(
        space_to_depth(x, 2), channels_last(GOLDEN["squeeze/forward"]))


@pytest.mark.parametrize("shifted", [False, True])
def test_windows_at_the_border_hold_what_is_inside(shifted):
    """A part of the picture that is made of whole windows gives what it gives alone."""
    layer = WindowAttention(4, 4, shifted)
    x = random(1, 10, 15, 8)
    layer.build(x.shape)
    layer.positions.assign(random(*layer.positions.shape))
    whole = np.asarray(layer(x))
    rows, columns = (6, 10) if shifted else (8, 12)
    np.testing.assert_allclose(layer(x[:, :rows, :columns]), whole[:, :rows, :columns], atol=1e-5)
    assert not np.allclose(layer(x[:, :rows - 1]), whole[:, :rows - 1], atol=1e-3)


def test_windows_need_whole_heads():
    with pytest.raises(ValueError, match="multiple of head_dim"):
        WindowAttention(5).build((None, None, None, 12))


@pytest.mark.parametrize("layer", [
    Enhancement(4, 4), InvertibleNetwork((3,)), ConvTransformerBlock(8, 4, 4)])
def test_starts_as_the_identity(layer):
    x = random(1, 6, 8, 8)
    y = layer(x)
    if isinstance(layer, InvertibleNetwork):
        y = ops.matmul(y, np.linalg.inv(layer.operations[0].kernel))
    np.testing.assert_allclose(y, x, atol=1e-5)


@pytest.mark.parametrize("make", [
    lambda: SwinBlock(4, 4, True), lambda: ConvTransformerBlock(8, 4, 4),
    lambda: SwinAttention(4, 2, 4), lambda: Enhancement(4, 4), lambda: InvertibleNetwork((3,)),
    lambda: ResidualPair(8), lambda: NonLocalAttention(8, activation="relu"),
    lambda: ResidualUpsampling(4, shortcut_size=3, flip=False, **SLIGHT),
    lambda: ResidualDownsampling(4, **SLIGHT),
])
def test_saved_and_loaded_layer_is_the_same(make, tmp_path):
    assert_survives_saving(make(), random(1, 6, 10, 8), tmp_path)


@pytest.mark.parametrize("layer", [
    ConvTransformerBlock(8, 4, 4, True), SwinAttention(4, 2, 4)])
def test_every_weight_trains(layer):
    x = random(1, 6, 10, 8)
    layer.build(x.shape)
    if isinstance(layer, ConvTransformerBlock):
        layer.fusion.kernel.assign(random(1, 1, 8, 8))
    assert_trains(layer, x)
