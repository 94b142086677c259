"""Coding of latents to payloads and back in TensorFlow operations; see `ExactEntropyModel`."""

import numpy as np
import tensorflow as tf

from alic_tf.integer.fixed_point import FRACTION_BITS
from alic_tf.integer.functions import FUNCTIONS
from alic_tf.integer.model import HALF, HYPER_STRIDE, fewest_bytes
from alic_tf.serving import lanes as lanes_
from alic_tf.serving.arithmetic import function_table, shift_right
from alic_tf.serving.mixture import Tables
from alic_tf.serving.prior import Prior
from alic_tf.serving.range_decoder import RangeDecoder
from alic_tf.serving.range_encoder import RangeEncoder

# What the bits of a byte count.
_OF_BITS = 2 ** np.arange(7, -1, -1)


class EntropyModel(tf.Module):
    """What all families of entropy models have in common.

    Args:
        exact: the `ExactEntropyModel`.

    Attributes:
        integer: class of the model in numpy.
        hyper_stride: latent samples a sample of the hyper latent, each way.
    """

    def __init__(self, exact):
        super().__init__()
        self.prior, self.tables = Prior(exact.prior), exact.tables and Tables(exact.tables)
        self.hyper_stride = exact.hyper_stride
        # Layers look into these.
        self.functions = [function_table(name) for name in FUNCTIONS]
        self._channels, self._skips = exact.channels, exact.skips_channels
        self._flag_bytes = -(-exact.channels // 8) if exact.skips_channels else 0

    def code(self, coder, active, step, height, width, y=None, z=None):
        """Codes the latents of an image.

        Args:
            coder: `RangeDecoder` or `RangeEncoder`.
            active: int64 (any,), numbers of the coded channels.
            step: step of quality.
            height, width: of the latent, multiples of the hyper stride.
            y, z: to encode, int64: (height, width, M) with 12 fraction bits and (height / hyper
                stride, width / hyper stride, hyper latents).

        Returns:
            (latent, z) as they will be decoded; int64 like y and z.
        """
        raise NotImplementedError

    def encode(self, y, z, step):
        """Codes latents: (payload int64 (n,), bytes; number of lanes, int64). See `code`."""
        active, flags = tf.range(self._channels, dtype=tf.int64), tf.zeros([0], tf.int64)
        if self._skips:
            used = tf.reduce_any(shift_right(y + HALF, FRACTION_BITS) != 0, [0, 1])
            active, flags = tf.where(used)[:, 0], _packed(used)
        encoder = RangeEncoder(self.prior.cumulative)
        self.code(encoder, active, step, *tf.unstack(tf.shape(y)[:2]), y, z)
        strings = encoder.finish()
        payload = lanes_.pack(strings, _fewest(*tf.unstack(tf.shape(y)[:2])))
        return tf.concat([flags, payload], 0), strings.nrows()

    def find(self, payload, lanes, height, width):
        """Where the strings of a latent of this size are in a payload; see `lanes.find`."""
        position = tf.constant(self._flag_bytes, tf.int64)
        return lanes_.find(payload, position, lanes, _fewest(height, width))

    def decode(self, payload, strings, step, height, width):
        """Inverse of `encode`: (latent, z) of a latent of this size; see `code`.

        Args:
            payload: int64 (n,), bytes.
            strings: what `find` found in it, and nothing wrong.
            step, height, width: see `code`.
        """
        active = tf.range(self._channels, dtype=tf.int64)
        if self._skips:
            flags = _unpacked(payload, self._flag_bytes)[:self._channels]
            active = tf.where(flags == 1)[:, 0]
        decoder = RangeDecoder(payload, *strings, self.prior.cumulative)
        return self.code(decoder, active, step, height, width)


def _fewest(height, width):
    """Bytes that the strings of a latent of this size have at least, int64."""
    return fewest_bytes(*(tf.cast(-(-side // HYPER_STRIDE), tf.int64) for side in (height, width)))


def _packed(flags):
    """Bytes of booleans (n,), the first in the highest bit; filled with zeros."""
    bits = tf.pad(tf.cast(flags, tf.int64), [[0, -tf.size(flags) % 8]])
    return tf.reduce_sum(tf.reshape(bits, [-1, 8]) * _OF_BITS, 1)


def _unpacked(data, count):
    """0 or 1 (8 count,): the bits of the first bytes of data, which is filled with zeros."""
    start = tf.pad(data, [[0, count]])[:count]
    return tf.reshape(start[:, None] // _OF_BITS % 2, [-1])
