"""Composed fixed-point layers against the float layers they stand for."""

import keras
import numpy as np
import pytest

from alic_tf.integer.fixed_point import LARGEST, dequantize, quantize
from alic_tf.integer.layers import BLOCKS, LEAVES, arrays_of, kind_of, restored
from alic_tf.integer.stored import unflatten
from alic_tf.layers.conv_transformer import (
    ConvTransformerBlock,
    SwinAttention,
    WindowedNonLocalAttention,
)
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.normalization import GDN
from alic_tf.layers.resampling import ResidualUpsampling
from alic_tf.layers.residual import ResidualBlock, ResidualPair
from alic_tf.layers.state_space import StateSpace
from alic_tf.layers.swin import SwinBlock, WindowAttention
from alic_tf.networks.to_integer import converted, form
from tests.golden import relative_error

LAYERS = [
    lambda: SignalConvolution(8, 3, activation="gelu"),
    lambda: SignalConvolution(8, 1, activation="leaky_relu_0.01"),
    lambda: SubpixelConvolution(3, 3),
    GDN,
    lambda: GDN(inverse=True),
    lambda: keras.layers.LayerNormalization(epsilon=1e-5),
    lambda: WindowAttention(4, 4),
    lambda: WindowAttention(8, 8, shifted=True),
    lambda: SwinBlock(4, 4, shifted=True),
    lambda: ResidualPair(16),
    lambda: ResidualBlock(16, activation="relu"),
    lambda: ConvTransformerBlock(16, 4, 4, shifted=True),
    lambda: WindowedNonLocalAttention(16, 8, 4),
    lambda: SwinAttention(8, 4, 4),
    StateSpace,
    lambda: ResidualUpsampling(8, activation="leaky_relu_0.01", shortcut_size=3, flip=False),
]


def trained(make, channels=16):
    """A layer with random weights of usual size."""
    layer = make()
    layer.build((None, None, None, channels))
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        noise = rng.normal(size=variable.shape)
        if len(variable.shape) == 4:
            variable.assign(noise / np.sqrt(np.prod(variable.shape[:3])))
        elif isinstance(layer, GDN):
            variable.assign(variable + 0.1 * np.abs(noise))
        else:
            variable.assign(variable + 0.2 * noise)
    return layer


def test_every_kind_is_tried():
    assert {kind_of(converted(trained(make))) for make in LAYERS} == {*LEAVES, *BLOCKS}


@pytest.mark.parametrize("make", LAYERS)
def test_is_near_the_float_layer(make):
    layer = trained(make)
    fixed = converted(layer)
    x = quantize(np.random.default_rng(2).normal(size=(2, 6, 10, 16)) * 3)
    y = fixed(x)
    np.testing.assert_array_equal(y, np.rint(y))
    expected = layer(dequantize(x).astype("float32"))
    assert relative_error(dequantize(y), expected) < 1e-3
    arrays = arrays_of(fixed)
    again = restored(kind_of(fixed), unflatten(arrays))
    np.testing.assert_array_equal(again(x), y)
    assert {array.dtype.kind for array in arrays.values()} == {"i"}


@pytest.mark.parametrize("make", LAYERS)
def test_arrays_are_those_declared(make):
    """Before they are known, and for them alone."""
    layer = trained(make)
    arrays, declared = arrays_of(converted(layer)), form(layer)
    assert arrays.keys() == declared.keys()
    for name, array in arrays.items():
        assert declared[name].allows(array)
        assert not declared[name].allows(array.astype("float64"))
        assert not declared[name].allows(array[None])
        assert declared[name].value is None or not declared[name].allows(array + 1)


@pytest.mark.parametrize("layer", [
    GDN(alpha=1), GDN(epsilon=1), GDN(rectify=True),
    keras.layers.LayerNormalization()])
def test_switches_that_integers_do_not_have(layer):
    layer.build((None, None, None, 16))
    with pytest.raises(ValueError, match="has an integer counterpart|have an integer counter"):
        converted(layer)


@pytest.mark.parametrize("make", LAYERS)
def test_stays_within_its_range(make):
    x = np.random.default_rng(3).choice([-LARGEST, 0, LARGEST], size=(1, 4, 6, 16))
    y = converted(trained(make))(x.astype("float64"))
    assert np.all(np.isfinite(y)) and np.abs(y).max() <= LARGEST
    np.testing.assert_array_equal(y, np.rint(y))


@pytest.mark.parametrize("make", LAYERS[3:6])
def test_sums_of_squares_are_exact_in_any_order(make):
    """The channels in another order give the same numbers in that order."""
    layer = trained(make)
    x = quantize(np.random.default_rng(4).normal(size=(1, 3, 3, 16)) * 200)
    order = np.random.default_rng(5).permutation(16)
    expected = converted(layer)(x)[..., order]
    for variable in layer.trainable_variables:
        value = np.asarray(variable)
        variable.assign(value[np.ix_(*[order] * value.ndim)])
    np.testing.assert_array_equal(converted(layer)(x[..., order]), expected)
