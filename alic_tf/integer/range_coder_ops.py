"""The range coder of TensorFlow Compression's operations, which are optional; see `range_coder`."""

import numpy as np
import tensorflow as tf

from alic_tf.integer.range_coder import CERTAIN, PROBABILITY_BITS

try:
    import tensorflow_compression_ops as ops
except tf.errors.NotFoundError as error:  # They were built for another version of TensorFlow.
    raise ImportError(str(error)) from error


def table(prior):
    """The rows of all decisions, then those of the prior, flat int32."""
    rows = np.zeros((CERTAIN, 4), "int32")
    rows[:, 0], rows[:, 2], rows[:, 3] = PROBABILITY_BITS, np.arange(CERTAIN), CERTAIN
    return np.concatenate([rows.reshape(-1), np.asarray(prior, "int32")])


class RangeEncoder:
    """As `range_coder.RangeEncoder`."""

    def __init__(self, lanes, prior=()):
        with tf.device("CPU"):
            self._handle = ops.create_range_encoder([lanes], table(prior))

    def encode(self, rows, symbols):
        with tf.device("CPU"):
            self._handle = ops.entropy_encode_index(
                self._handle, rows.T.astype("int32"), symbols.T.astype("int32"))

    def finish(self):
        with tf.device("CPU"):
            return list(ops.entropy_encode_finalize(self._handle).numpy())


class RangeDecoder:
    """As `range_coder.RangeDecoder`."""

    def __init__(self, strings, prior=()):
        with tf.device("CPU"):
            self._handle = ops.create_range_decoder(list(strings), table(prior))

    def decode(self, rows):
        with tf.device("CPU"):
            # An array for the shape: a tuple takes a path through Python three times as slow.
            self._handle, symbols = ops.entropy_decode_index(
                self._handle, rows.T.astype("int32"), np.array(rows.shape[:1], "int32"), tf.int32)
        return symbols.numpy().T
