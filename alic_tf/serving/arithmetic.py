"""The arithmetic of integers in TensorFlow operations; see `alic_tf.topology`.

Activations are integer-valued float64 with 12 fraction bits, and sums of them stay below 2^53:
exact on a CPU in any order of additions. GPU libraries may choose algorithms that are not
(transforms, say), so whoever calls these places them on a CPU.
"""

import functools

import tensorflow as tf

from alic_tf.integer import functions
from alic_tf.integer.fixed_point import FRACTION_BITS, LARGEST, ONE
from alic_tf.integer.parallel import FACTOR_BITS


def stored(array):
    """An array that travels among the variables of the SavedModel, as it is in the model file."""
    return tf.Variable(array, trainable=False)


def shift_right(x, bits):
    """x >> bits of int64, rounding towards minus infinity."""
    return tf.bitwise.right_shift(x, tf.constant(bits, x.dtype))


def shift_left(x, bits):
    """x << bits of int64."""
    return tf.bitwise.left_shift(x, tf.constant(bits, x.dtype))


def saturate(x):
    """Limits integer-valued float64 activations to the range in which sums stay exact."""
    return tf.clip_by_value(x, -float(LARGEST), float(LARGEST))


def nearest(x):
    """floor(x + 1/2)."""
    return tf.floor(x + 0.5)


def scaled(x, factors):
    """Activations times factors with 16 fraction bits, rounded down; integer-valued float64."""
    return saturate(tf.floor(x * tf.cast(factors, tf.float64) * 2.0**-FACTOR_BITS))


def add(x, y):
    """Their sum, saturated."""
    return saturate(x + y)


def multiply(x, y):
    """Their product, rounded to 12 fraction bits and not limited."""
    return nearest(x * y * 2.0**-FRACTION_BITS)


def concatenate(parts):
    return tf.concat(parts, -1)


def halves(x):
    return tf.split(x, 2, -1)


def relu(x):
    return tf.nn.relu(x)


def depth_to_space(x):
    return tf.nn.depth_to_space(x, 2)


@functools.cache
def function_table(name):
    """A table of `integer.functions`, one variable for all models of a process.

    Whoever saves what looks into it must hold it.
    """
    return stored(functions.table(name).astype("int32"))


def _look_up(name, x):
    """Entry of the table for each activation x >= 0; the last one beyond its end."""
    table = function_table(name)
    places = tf.cast(tf.minimum(x, table.shape[0] - 1), tf.int32)
    return tf.cast(tf.gather(table, places), tf.float64)


def gelu(x):
    """x times the Gaussian distribution of x."""
    return relu(x) - _look_up("gelu_deficit", tf.abs(x))


def half_tanh(x):
    """tanh(x) / 2."""
    return tf.sign(x) * _look_up("half_tanh", tf.abs(x))


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return (ONE >> 1) + half_tanh(tf.floor(x * 0.5))


def softmax_weights(logits):
    """Whole numbers, 2^16 for the largest, proportional to the softmax of the last axis."""
    return _look_up("exponential", tf.reduce_max(logits, -1, keepdims=True) - logits)
