"""The strings of the lanes in a payload, in TensorFlow operations; see docs/format.md."""

import tensorflow as tf

from alic_tf.serving.arithmetic import shift_right
from alic_tf.serving.byte_strings import read_varint, text, varints
from alic_tf.serving.checks import first_cause


def pack(strings, fewest):
    """The bytes (n,) of the lanes' strings, and of their lengths.

    Args:
        strings: ragged int64 (lanes, any), bytes.
        fewest: number of bytes to which the last string is filled with zeros, at least.
    """
    missing = tf.maximum(fewest - tf.size(strings.flat_values, tf.int64), 0)
    data = tf.pad(strings.flat_values, [[0, missing]])
    lengths = strings.row_lengths()[:-1]
    distances = lengths - tf.size(data, tf.int64) // strings.nrows()
    numbers = tf.where(distances >= 0, 2 * distances, -2 * distances - 1)
    return tf.concat([varints(numbers), data], 0)


def find(payload, position, lanes, fewest):
    """Where the strings of the lanes are in a payload.

    Args:
        payload: int64 (n,), bytes.
        position: where the lengths begin.
        lanes: number of strings.
        fewest: number of bytes they must have together.

    Returns:
        (cause, (starts, lengths)): what is wrong, if they do not fit into the payload or are too
        short; int64 (lanes,) both.
    """
    size = tf.size(payload, tf.int64)
    truncated = text("payload of ", size, " bytes ends before its lanes")

    def read(i, cause, position, distances):
        wrong, number, position = read_varint(payload, position, truncated)
        half = shift_right(number + 1, 1)
        distances = distances.write(i, tf.where(number % 2 == 0, half, -half))
        return i + 1, first_cause(cause, wrong), position, distances

    count = tf.cast(lanes - 1, tf.int32)
    distances = tf.TensorArray(tf.int64, count, element_shape=[])
    _, cause, position, distances = tf.while_loop(
        lambda i, *_: i < count, read, (0, tf.constant(""), position, distances))
    rest = size - position
    lengths = distances.stack() + rest // lanes
    last = rest - tf.reduce_sum(lengths)
    lengths = tf.concat([lengths, last[None]], 0)
    cause = first_cause(
        cause,
        (tf.reduce_all(lengths >= 0),
         text("the lanes do not fit into a payload of ", size, " bytes")),
        (rest >= fewest, text("payload of ", size, " bytes is too short for its picture")))
    return cause, (position + tf.cumsum(lengths, exclusive=True), lengths)
