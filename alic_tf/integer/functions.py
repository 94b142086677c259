"""Elementary functions of fixed-point activations, by tables of integers.

A table holds the values of a function, rounded to whole numbers. Mathematical libraries differ in
the last bit of a function, which is 1e-11 of a unit here at most. No value in these tables is as
near as 1e-9 to the middle between two whole numbers, nor a thousand of its own last bits, so that
every library gives the same table, as does an exact computation: these tables need not be stored.
"""

import functools
import math

import numpy as np

FRACTION_BITS = 12
ONE = 1 << FRACTION_BITS
WEIGHT_BITS = 16
# Beyond, GELU is ReLU, and tanh is 1, to half a unit.
_REACH = 5
_EXPONENTIAL_REACH = 12


def _gelu_deficit(t):
    return ONE * 0.5 * t * math.erfc(t / math.sqrt(2))


def _half_tanh(t):
    return ONE * 0.5 * math.tanh(t)


def _exponential(t):
    return math.exp(-t) * 2**WEIGHT_BITS


# For arguments from 0 to an end, in steps of a unit: function, end.
FUNCTIONS = {
    "gelu_deficit": (_gelu_deficit, _REACH),
    "half_tanh": (_half_tanh, _REACH),
    "exponential": (_exponential, _EXPONENTIAL_REACH),
}


@functools.cache
def table(name):
    """float64 of whole numbers: one of `FUNCTIONS` at 0, 1 / 4096, ... up to its end."""
    function, end = FUNCTIONS[name]
    return np.rint([function(i / ONE) for i in range(end * ONE + 1)])


def _look_up(name, x):
    """Entry of the table for each activation x >= 0; the last one beyond its end."""
    entries = table(name)
    # What is no number, where tiles are tried out, stays none in the caller's sum or product.
    with np.errstate(invalid="ignore"):
        return np.take(entries, np.minimum(x, len(entries) - 1).astype("int32"), mode="clip")


def gelu(x):
    """x times the Gaussian distribution of x, for activations (integer-valued float64)."""
    return np.maximum(x, 0.0) - _look_up("gelu_deficit", np.abs(x))


def half_tanh(x):
    """tanh(x) / 2 of activations."""
    return np.sign(x) * _look_up("half_tanh", np.abs(x))


def sigmoid(x):
    """1 / (1 + exp(-x)) of activations: 1/2 + tanh(x / 2) / 2."""
    return (ONE >> 1) + half_tanh(np.floor(x * 0.5))


def softmax_weights(logits):
    """Integer weights, 2^16 for the largest, proportional to the softmax of the last axis."""
    return _look_up("exponential", logits.max(-1, keepdims=True) - logits)
