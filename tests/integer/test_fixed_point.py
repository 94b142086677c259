"""The fixed-point convolution against a plain 64-bit integer one, to the last unit."""

import itertools

import numpy as np
import pytest

from alic_tf.integer import fixed_point
from alic_tf.integer.fixed_point import (
    EXACT_LIMIT,
    LARGEST,
    FixedPointConvolution,
    dequantize,
    quantize,
)


def reference(layer, x):
    """The same convolution by its definition, in int64, one output at a time per tap."""
    kernel = layer.kernel.astype("int64")
    kernel = kernel[::-1, ::-1] if layer.flip else kernel
    batch, height, width, channels = x.shape
    up, step = layer.upsample, layer.strides
    spread = np.zeros((batch, height * up, width * up, channels), "int64")
    spread[:, ::up, ::up] = x.astype("int64")
    sides = [(size // 2, (size - 1) // 2) for size in kernel.shape[:2]]
    sides = [side[::-1] if layer.flip else side for side in sides]
    spread = np.pad(spread, ((0, 0), *sides, (0, 0)))
    rows = range(0, height * up, step)
    columns = range(0, width * up, step)
    sums = np.zeros((batch, len(rows), len(columns), kernel.shape[-1]), "int64") + layer.bias
    for (a, i), (b, j) in itertools.product(enumerate(rows), enumerate(columns)):
        patch = spread[:, i:i + kernel.shape[0], j:j + kernel.shape[1]]
        sums[:, a, b] += np.einsum("bijc,ijco->bo", patch, kernel)
    k = layer.exponent
    y = (2 * sums + (1 << k)) >> (k + 1)
    y = np.clip(y, -LARGEST, LARGEST)
    if layer.activation == "relu":
        y = np.maximum(y, 0)
    if layer.activation == "leaky_relu":
        y = np.where(y < 0, y * 13107 >> 16, y)
    return y


def activations(rng, shape):
    """Mostly ordinary numbers, some at the limits."""
    x = quantize(rng.normal(scale=20, size=shape))
    return np.where(rng.random(shape) < 0.1, rng.choice([-LARGEST, LARGEST], size=shape), x)


SHAPES = [
    # size of the kernel, strides, upsample, flip, activation, size of the input
    ((3, 3), 1, 1, False, "leaky_relu", (7, 5)),
    ((3, 3), 2, 1, False, "relu", (7, 6)),
    ((3, 3), 2, 1, True, None, (1, 1)),
    ((5, 5), 2, 1, True, "leaky_relu", (5, 8)),
    ((4, 4), 2, 1, False, None, (6, 7)),
    ((4, 4), 1, 1, True, None, (6, 7)),
    ((3, 3), 1, 2, True, "leaky_relu", (3, 4)),
    ((5, 5), 1, 2, False, None, (3, 2)),
    ((4, 4), 1, 2, True, "relu", (1, 3)),
    ((2, 2), 1, 3, True, None, (2, 3)),
    ((7, 7), 1, 1, False, None, (2, 2)),
    ((1, 1), 1, 1, False, "leaky_relu", (4, 3)),
    ((1, 1), 2, 1, False, None, (5, 4)),
    ((1, 1), 1, 2, False, None, (2, 3)),
    ((7, 7), 3, 1, False, None, (4, 11)),
]


@pytest.mark.parametrize("size, strides, upsample, flip, activation, sides", SHAPES)
@pytest.mark.parametrize("windows", [fixed_point.WINDOWS, 1])
def test_equals_integer_convolution(
        monkeypatch, windows, size, strides, upsample, flip, activation, sides):
    monkeypatch.setattr(fixed_point, "WINDOWS", windows)
    rng = np.random.default_rng(3)
    layer = FixedPointConvolution.from_float(
        rng.normal(size=(*size, 6, 5)), rng.normal(size=5), strides=strides, upsample=upsample,
        flip=flip, activation=activation)
    x = activations(rng, (2, *sides, 6))
    y = layer(x)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, reference(layer, x))
    again = FixedPointConvolution.from_arrays(layer.arrays())
    np.testing.assert_array_equal(again(x), y)


def test_rows_equal_image():
    rng = np.random.default_rng(5)
    layer = FixedPointConvolution.from_float(rng.normal(size=(1, 1, 8, 4)), rng.normal(size=4))
    x = activations(rng, (1, 3, 5, 8))
    np.testing.assert_array_equal(layer(x).reshape(-1, 4), layer(x.reshape(-1, 8)))


def test_close_to_float():
    rng = np.random.default_rng(6)
    kernel, bias = rng.normal(scale=0.1, size=(1, 1, 64, 32)), rng.normal(size=32)
    layer = FixedPointConvolution.from_float(kernel, bias)
    x = rng.normal(size=(100, 64))
    error = dequantize(layer(quantize(x))) - (x @ kernel[0, 0] + bias)
    assert np.max(np.abs(error)) < 1e-3


def test_exponent_shrinks_until_sums_are_exact():
    kernel = np.ones((5, 5, 2048, 1))
    layer = FixedPointConvolution.from_float(kernel, [1.0])
    bound = np.abs(layer.kernel.astype("int64")).sum() * 2**24 + layer.bias[0]
    assert EXACT_LIMIT / 2 <= bound < EXACT_LIMIT
    x = np.full((1, 5, 5, 2048), float(LARGEST))
    np.testing.assert_array_equal(layer(x), reference(layer, x))
    with pytest.raises(ValueError, match="2\\^53"):
        FixedPointConvolution(layer.kernel * 2, layer.bias, layer.exponent + 1)


def test_tiny_and_zero_kernels():
    layer = FixedPointConvolution.from_float(np.full((1, 1, 2, 1), 1e-12), [3.0])
    assert layer(quantize([[1.0, 1.0]])) == quantize(3.0)
    layer = FixedPointConvolution.from_float(np.zeros((1, 1, 2, 1)), [-2.5])
    assert layer(quantize([[1.0, 1.0]])) == quantize(-2.5)


def test_refuses_what_it_cannot_do():
    kernel = np.ones((1, 1, 1, 1), "int16")
    with pytest.raises(ValueError, match="leaky_relu"):
        FixedPointConvolution(kernel, [0], 0, activation="tanh")
    with pytest.raises(ValueError, match="do not fit"):
        FixedPointConvolution(kernel, [0, 0], 0)
    with pytest.raises(ValueError, match="do not fit"):
        FixedPointConvolution(kernel[0], [0], 0)
    with pytest.raises(ValueError, match="at least 1"):
        FixedPointConvolution(kernel, [0], 0, upsample=0)
    with pytest.raises(ValueError, match="only one"):
        FixedPointConvolution(kernel, [0], 0, strides=2, upsample=2)
    with pytest.raises(ValueError, match="integers"):
        FixedPointConvolution(kernel * 0.5, [0], 0)
