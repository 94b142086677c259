"""The distributions of the hyper latent in TensorFlow operations; see `FactorizedTables`."""

import numpy as np
import tensorflow as tf

from alic_tf.integer.coder import CERTAIN
from alic_tf.integer.fixed_point import FRACTION_BITS
from alic_tf.serving.arithmetic import saturate, shift_left, stored
from alic_tf.serving.mixture import Even


class Prior(tf.Module):
    """A `FactorizedTables`.

    Args:
        exact: the tables.

    Attributes:
        cumulative: int64 (channels + 1, any), for the range coder: a row that is certain, then
            those of the channels.
    """

    def __init__(self, exact):
        super().__init__()
        rows = np.split(exact.rows, np.flatnonzero(exact.rows == CERTAIN)[:-1] + 1)
        cumulative = np.full((len(rows) + 1, max(map(len, rows)) - 1), CERTAIN, "int64")
        cumulative[0, 0] = 0
        for filled, row in zip(cumulative[1:], rows):
            filled[:len(row) - 1] = row[1:]
        self.cumulative = stored(cumulative)
        self.offsets, self.medians = stored(exact.offsets), stored(exact.medians)
        self.escapes = stored(exact.escapes.astype("int64"))

    def code(self, coder, height, width, z=None):
        """Codes the integers (height, width, channels) of a hyper latent, and returns them.

        Args:
            coder: `RangeDecoder` or `RangeEncoder`.
            height, width: of the hyper latent.
            z: int64 (height, width, channels), to encode.
        """
        channels = tf.tile(tf.range(self.offsets.shape[0]), [height * width])
        offsets, escapes = tf.gather(self.offsets, channels), tf.gather(self.escapes, channels)
        symbols = values = None
        if z is not None:
            values = tf.reshape(z, [-1])
            symbols = values - offsets
            symbols = tf.where((symbols >= 0) & (symbols < escapes), symbols, escapes)
        symbols = coder.code_rows(tf.cast(channels, tf.int64) + 1, symbols)
        outside = tf.where(symbols == escapes)
        if z is not None:
            values = tf.gather(values, outside[:, 0])
        escaped = coder.code(Even(tf.zeros_like(outside[:, 0])), values)
        z = tf.tensor_scatter_nd_update(symbols + offsets, outside, escaped)
        return tf.reshape(z, [height, width, self.offsets.shape[0]])

    def values(self, z):
        """Activations that the integers stand for."""
        return saturate(tf.cast(shift_left(z, FRACTION_BITS) + self.medians, tf.float64))
