"""The state-space layer in fixed point: long convolutions along both axes."""

import numpy as np

from alic_tf.entropy.fixed_point import EXACT_LIMIT, LARGEST, WEIGHT_LIMIT, saturate

# Channels and lines that are computed together, few enough for the processor's caches.
CHANNELS = 16
LINES = 64


class FixedPointScan:
    """Depthwise convolutions of integers along rows and along columns, and their sum.

    Positions are taken in blocks of `reach`, each a small matrix product per channel with the
    block and its two neighbours.

    Args:
        rows: int16 (channels, 2 * reach + 1), taps along a row, from left to right.
        columns: int16 (channels, 2 * reach + 1), taps along a column, from top to bottom.
        exponent: power of two by which the taps exceed the numbers they stand for.

    Call: integer-valued floats (batch, height, width, channels), saturated. Returns the same.

    Raises:
        ValueError: sums could reach 2^53.
    """

    def __init__(self, rows, columns, exponent):
        self.rows, self.columns = np.asarray(rows, "int16"), np.asarray(columns, "int16")
        self.exponent = int(exponent)
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

    def arrays(self):
        """What the constructor takes, to be stored in a model file."""
        return {"rows": self.rows, "columns": self.columns, "exponent": np.int32(self.exponent)}

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`."""
        return cls(**arrays)

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
        for first in range(0, x.shape[-1], CHANNELS):
            some = slice(first, first + CHANNELS)
            sums = np.zeros((*x.shape[:3], len(self.rows[some])))
            for axis, matrix in zip((1, 2), self._matrices):
                for line in range(0, x.shape[3 - axis], LINES):
                    lines = [slice(None)] * 3
                    lines[3 - axis] = slice(line, line + LINES)
                    lines = tuple(lines)
                    sums[lines] += self._along(x[(*lines, some)], axis, matrix[some])
            out[..., some] = saturate(np.floor(sums * 2.0**-self.exponent + 0.5))
        return out

    @staticmethod
    def _along(x, axis, matrix):
        reach = matrix.shape[2]
        x = np.moveaxis(x, (axis, 3), (3, 0))
        size = x.shape[3]
        blocks = -(-size // reach)
        padded = np.zeros((*x.shape[:3], (blocks + 2) * reach))
        padded[..., reach:reach + size] = x
        out = np.empty((*x.shape[:3], blocks * reach))
        for i in range(blocks):
            window = padded[..., i * reach:(i + 3) * reach]
            product = window.reshape(len(x), -1, 3 * reach) @ matrix
            out[..., i * reach:(i + 1) * reach] = product.reshape(*x.shape[:3], reach)
        return np.moveaxis(out[..., :size], (3, 0), (axis, 3))
