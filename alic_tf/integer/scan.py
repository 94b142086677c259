"""The state-space layer in fixed point: long convolutions along both axes."""

import itertools

import numpy as np

from alic_tf.integer.fixed_point import (
    EXACT_LIMIT,
    LARGEST,
    WEIGHT_LIMIT,
    checked_exponent,
    shifted,
)
from alic_tf.integer.stored import Stored

# Channels, rows and columns that are computed together, few enough for the processor's caches.
CHANNELS = 16
SIDE = 128


class FixedPointScan(Stored):
    """Depthwise convolutions of integers along rows and along columns, and their sum.

    Positions are taken in blocks of `reach`, each a small matrix product per channel with the
    block and its two neighbours.

    Args:
        rows: int16 (channels, 2 * reach + 1), taps along a row, from left to right.
        columns: int16 (channels, 2 * reach + 1), taps along a column, from top to bottom.
        exponent: power of two by which the taps exceed the numbers they stand for.

    Call: integer-valued floats (batch, height, width, channels), saturated. Returns the same.

    Raises:
        ValueError: sums could reach 2^53, or an exponent over `EXPONENT_LIMIT`.
    """

    FIELDS = {"rows": "int16", "columns": "int16", "exponent": "int32"}

    def __init__(self, rows, columns, exponent):
        self.rows, self.columns = np.asarray(rows, "int16"), np.asarray(columns, "int16")
        self.exponent = checked_exponent(exponent)
        bound = sum(np.abs(taps.astype("int64")).sum(1) for taps in (self.rows, self.columns))
        if bound.max() * (LARGEST + 1) >= EXACT_LIMIT:
            raise ValueError("sums of this scan could reach 2^53")
        self._matrices = [self._block_matrix(taps) for taps in (self.columns, self.rows)]

    @classmethod
    def from_float(cls, rows, columns):
        """Rounds float taps to 16-bit integers with a common exponent."""
        largest = max(np.abs(rows).max(), np.abs(columns).max(), 2.0**-20)
        exponent = int(np.floor(np.log2(WEIGHT_LIMIT / largest)))
        return cls(*(np.rint(np.asarray(taps, "float64") * 2.0**exponent)
                     for taps in (rows, columns)), exponent)

    @staticmethod
    def _block_matrix(taps):
        """(channels, 3 reach, reach): what each of three blocks adds to the middle one."""
        reach = taps.shape[1] // 2
        inputs, outputs = np.arange(3 * reach), np.arange(reach, 2 * reach)
        offsets = inputs[:, None] - outputs + reach
        inside = (offsets >= 0) & (offsets <= 2 * reach)
        matrix = np.where(inside, taps[:, np.clip(offsets, 0, 2 * reach)], 0)
        # In C order: numpy hands only such stacks of matrices to its fast product.
        return np.ascontiguousarray(matrix, "float64")

    def __call__(self, x):
        out = np.empty_like(x)
        columns, rows = self._matrices

        steps = (SIDE, SIDE, CHANNELS)
        starts = (range(0, size, step) for size, step in zip(x.shape[1:], steps))
        for corner in itertools.product(*starts):
            high, wide, some = (slice(start, start + step) for start, step in zip(corner, steps))
            sums = self._along(x[:, :, wide, some], 1, high, columns[some])
            sums += self._along(x[:, high, :, some], 2, wide, rows[some])
            out[:, high, wide, some] = shifted(sums, self.exponent)
        return out

    @staticmethod
    def _along(x, axis, wanted, matrix):
        """Sums along an axis, for a slice of it."""
        reach = matrix.shape[2]
        x = np.moveaxis(x, (axis, 3), (3, 0))
        start, stop, _ = wanted.indices(x.shape[3])
        blocks = -(-(stop - start) // reach)
        padded = np.zeros((*x.shape[:3], (blocks + 2) * reach))
        origin = start - reach
        first, last = max(origin, 0), min(origin + padded.shape[3], x.shape[3])
        padded[..., first - origin:last - origin] = x[..., first:last]
        out = np.empty((*x.shape[:3], blocks * reach))
        for i in range(blocks):
            window = padded[..., i * reach:(i + 3) * reach]
            product = window.reshape(len(x), -1, 3 * reach) @ matrix
            out[..., i * reach:(i + 1) * reach] = product.reshape(*x.shape[:3], reach)
        return np.moveaxis(out[..., :stop - start], (3, 0), (axis, 3))
