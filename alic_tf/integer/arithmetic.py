"""The arithmetic of integer activations in numpy; see `alic_tf.topology`."""

import numpy as np

from alic_tf.integer.fixed_point import rescaled, saturate
from alic_tf.integer.functions import sigmoid as sigmoid


def add(x, y):
    """Their sum, saturated."""
    return saturate(x + y)


def multiply(x, y):
    """Their product, rounded to 12 fraction bits and not limited."""
    return rescaled(x * y)


def concatenate(parts):
    # Where memory counts, activations wait as float32.
    return np.concatenate(parts, axis=-1, dtype="float64")


def halves(x):
    return np.split(x, 2, axis=-1)


def relu(x):
    return np.maximum(x, 0.0)


def depth_to_space(x):
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height, width, 2, 2, channels // 4).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, 2 * height, 2 * width, channels // 4)
