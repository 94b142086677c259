"""Multiply-accumulates against counts by hand."""

import keras
import pytest
from keras import ops

from alic_tf.evaluation.complexity import macs, macs_per_pixel
from alic_tf.layers.convolution import MaskedConvolution, SignalConvolution, SubpixelConvolution
from alic_tf.layers.filter import PostQuantizationFilter
from alic_tf.layers.normalization import GDN
from alic_tf.layers.state_space import StateSpace
from alic_tf.networks import presets
from tests.tiny_models import tiny_dwan, tiny_fu2022

# Layer on [1, 6, 10, 4], and its products per output times its outputs.
LAYERS = {
    "3x3": (SignalConvolution(5, 3), 9 * 4 * 5 * 60),
    "3x3, stride 2": (SignalConvolution(5, 3, strides=2), 9 * 4 * 5 * 15),
    "1x1, stride 2": (SignalConvolution(5, 1, strides=2), 4 * 5 * 15),
    "even": (SignalConvolution(5, 2), 4 * 4 * 5 * 60),
    "masked": (MaskedConvolution(5, 5), 25 * 4 * 5 * 60),
    # Each input meets the whole kernel.
    "transposed": (SignalConvolution(5, 3, upsample=2, flip=True), 9 * 4 * 5 * 60),
    "subpixel": (SubpixelConvolution(5, 3), 9 * 4 * 20 * 60),
    "depthwise": (PostQuantizationFilter(), 9 * 4 * 60),
    "normalization": (GDN(), 4 * 4 * 60),
    # A matrix of 10 x 10 for each row, and of 6 x 6 for each column.
    "state space": (StateSpace(), 4 * 60 * (10 + 6)),
    "dense": (keras.layers.Dense(7), 4 * 7 * 60),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    layer, expected = LAYERS[name]
    layer.build((1, 6, 10, 4))
    assert macs(layer, (1, 6, 10, 4)) == expected


def test_products_count_whichever_way_their_matrices_lie():
    assert macs(ops.matmul, (5, 2, 3), (3, 4)) == 5 * 2 * 3 * 4
    assert macs(lambda a, b: ops.matmul(ops.transpose(a), b), (3, 2), (3, 4)) == 2 * 3 * 4
    assert macs(lambda a, b: ops.einsum("abc,cd->bd", a, b), (5, 2, 3), (3, 4)) == 5 * 2 * 3 * 4
    assert macs(lambda a: ops.tanh(a) * a + 1, (5, 2)) == 0


def test_the_faithful_model():
    """By figures 2 to 4 of the paper, per pixel; a stage at 1 / s of the sides counts 1 / s^2."""
    n = 8
    square = n * n
    residual = {3: 3.25 * square, 5: 7.25 * square}  # 1x1 and 1x1 at half width, k x k between
    attention = 6 * residual[3] + square
    # Four branches, two exchanges and the fusion of 2 n channels, two normalizations.
    msrb = 2 * (residual[3] + residual[5]) + 3 * 2 * square + 2 * square
    down = 20 * square  # 1x1 and 3x3 of stride 2, 3x3, normalization
    importance = 10 * square + 3 * residual[3]
    analysis = (
        (10 * 3 * n + 10 * square + msrb) / 4
        + (down + attention + msrb) / 16
        + (down + msrb) / 64
        + (9 * square + attention + importance) / 256
    )
    hyper_analysis = 9 * square * (2 / 256 + 2 / 1024 + 1 / 4096)
    # Those that double the size count at that of their input.
    hyper_synthesis = 9 * square * (2 / 4096 + (1.5 + 1.5 * 1.5) / 1024 + 1.5 * 2 / 256)
    context = (25 * 2 * square + 4 * n * 640 + 640 * 640 + 640 * 9 * n) / 256
    up = [40 * square / s**2 + 10 * square / (s / 2) ** 2 for s in (16, 8, 4)]
    synthesis = (
        (9 * n + attention) / 256 + sum(up) + (attention + msrb) / 16 + 9 * n * 12 / 4
    )
    entropy = hyper_synthesis + context
    expected = {"encoder": analysis + hyper_analysis + entropy, "decoder": entropy + synthesis}
    assert macs_per_pixel(tiny_fu2022(), 128, 64) == pytest.approx(expected, rel=1e-12)


def test_a_picture_of_any_size_takes_about_the_same_per_pixel():
    small, large = (macs_per_pixel(tiny_dwan(), 64 * k, 128 * k) for k in (2, 4))
    for side in ("encoder", "decoder"):
        assert small[side] == pytest.approx(large[side], rel=0.2) and small[side] > 100


def test_the_light_model_has_a_heavy_encoder():
    """As published: about three times the work of the decoder, here of the whole codec."""
    kilo = {side: count / 1000
            for side, count in macs_per_pixel(presets.build("light"), 128, 128).items()}
    assert kilo["encoder"] < 80 and kilo["encoder"] > 2.5 * kilo["decoder"]
