"""The fixed-point scan against sums in int64 and against the float layer."""

import numpy as np
import pytest

from alic_tf.integer import scan
from alic_tf.integer.fixed_point import LARGEST, dequantize, quantize
from alic_tf.integer.scan import FixedPointScan
from alic_tf.layers.state_space import StateSpace


def random_scan(channels, reach, exponent=14):
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(-(2**15) + 1, 2**15, (2, channels, 2 * reach + 1))
    return FixedPointScan(rows, columns, exponent)


def int64_scan(scan, x):
    """The same by direct sums."""
    reach = scan.rows.shape[1] // 2
    x = x.astype("int64")
    sums = np.zeros_like(x)
    for axis, taps in ((2, scan.rows), (1, scan.columns)):
        for offset in range(-reach, reach + 1):
            moved = np.zeros_like(x)
            size = x.shape[axis]
            to = [slice(None)] * 4
            source = [slice(None)] * 4
            to[axis] = slice(max(0, -offset), max(0, size - max(0, offset)))
            source[axis] = slice(max(0, offset), max(0, size + min(0, offset)))
            moved[tuple(to)] = x[tuple(source)]
            sums += moved * taps[:, reach + offset].astype("int64")
    half = 1 << scan.exponent - 1
    return np.clip(sums + half >> scan.exponent, -LARGEST, LARGEST)


@pytest.mark.parametrize("height, width", [(1, 1), (3, 4), (5, 13), (12, 6), (11, 23), (32, 2)])
@pytest.mark.parametrize("side, channels", [(scan.SIDE, scan.CHANNELS), (4, 2), (7, 1)])
def test_equals_sums_in_int64(monkeypatch, height, width, side, channels):
    monkeypatch.setattr(scan, "SIDE", side)
    monkeypatch.setattr(scan, "CHANNELS", channels)
    layer = random_scan(channels=3, reach=5)
    limit = 2**20
    x = np.random.default_rng(1).integers(-limit, limit, (2, height, width, 3)).astype("float64")
    np.testing.assert_array_equal(layer(x), int64_scan(layer, x))


def test_saturates():
    layer = random_scan(channels=2, reach=3, exponent=10)
    x = np.full((1, 6, 7, 2), float(LARGEST))
    y = layer(x)
    np.testing.assert_array_equal(y, int64_scan(layer, x))
    assert np.abs(y).max() == LARGEST


@pytest.mark.parametrize("reach, size", [(32, (8, 12)), (4, (10, 9))])
def test_agrees_with_the_float_layer(reach, size):
    layer = StateSpace(states=4, reach=reach)
    layer.build((None, None, None, 6))
    scan = FixedPointScan.from_float(*map(np.asarray, layer.taps()))
    x = quantize(np.random.default_rng(2).normal(size=(1, *size, 6)) * 4)
    expected = np.asarray(layer(dequantize(x).astype("float32")))
    # Half a unit of rounding, and taps of 16 bits.
    np.testing.assert_allclose(dequantize(scan(x)), expected, atol=4e-4)
    assert np.abs(expected).max() > 0.5


def test_survives_storage():
    scan = random_scan(channels=3, reach=4)
    arrays = scan.arrays()
    assert {array.dtype.kind for array in arrays.values()} == {"i"}
    again = FixedPointScan.from_arrays(arrays)
    x = np.random.default_rng(3).integers(-9999, 9999, (1, 9, 9, 3)).astype("float64")
    np.testing.assert_array_equal(again(x), scan(x))


def test_refuses_sums_that_could_be_inexact():
    taps = np.full((1, 2 * 4200 + 1), 2**15 - 1)
    with pytest.raises(ValueError, match="2\\^53"):
        FixedPointScan(taps, taps, 10)
