"""Strings of bytes and the numbers in them, in TensorFlow operations."""

import numpy as np
import tensorflow as tf

from alic_tf.bitstream.varint import MAX_BYTES
from alic_tf.serving.checks import first_cause

_BYTES = np.array([bytes([i]) for i in range(256)], object)


def from_string(string):
    """The bytes (n,) of a string, int64."""
    return tf.cast(tf.io.decode_raw(string, tf.uint8), tf.int64)


def to_string(values):
    """The string of bytes (n,), of any integer type."""
    return tf.strings.reduce_join(tf.gather(_BYTES, values))


def varints(values):
    """The bytes (m,) of numbers (n,) as varints, int64; see docs/format.md."""
    digits = tf.range(MAX_BYTES, dtype=tf.int64)
    rest = tf.bitwise.right_shift(values[:, None], 7 * digits)
    coded = rest % 128 + tf.where(rest >= 128, tf.constant(128, tf.int64), 0)
    return tf.boolean_mask(coded, (rest > 0) | (digits == 0))


def read_varint(data, position, truncated):
    """Reads a varint: (cause, value, position of what follows); the numbers are int64.

    Args:
        data: int64 (n,).
        position: where it begins.
        truncated: cause if the data end within it.
    """
    window = tf.pad(data[position:position + MAX_BYTES], [[0, MAX_BYTES]])[:MAX_BYTES]
    size = 1 + tf.reduce_sum(tf.math.cumprod(tf.cast(window >= 128, tf.int64)))
    digits = tf.range(MAX_BYTES, dtype=tf.int64)
    value = tf.reduce_sum(tf.where(
        digits < size, tf.bitwise.left_shift(window % 128, 7 * digits), 0))
    last = tf.gather(window, tf.minimum(size, MAX_BYTES) - 1)
    cause = first_cause(
        (position + size <= tf.size(data, tf.int64), truncated),
        (size <= MAX_BYTES, "a number is too long"),
        ((size == 1) | (last > 0), "a number is not in its shortest form"))
    return cause, value, position + size


def text(*parts):
    """A string of texts and numbers."""
    return tf.strings.join([
        part if isinstance(part, str) or part.dtype == tf.string else tf.strings.as_string(part)
        for part in parts])
