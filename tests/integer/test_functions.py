"""Tables of elementary functions: the same from every mathematical library."""

import hashlib
import math

import numpy as np
import pytest
from keras import ops

from alic_tf.integer import functions
from alic_tf.integer.functions import FUNCTIONS, ONE, gelu, half_tanh, sigmoid, softmax_weights

# Of the tables as int32: files depend on them.
DIGESTS = {"gelu_deficit": "ba63018f639683f3", "half_tanh": "232823ac0d57cdb5",
           "exponential": "61a1f5f15748ef12"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_library_rounds_an_entry_otherwise(name):
    function, end = FUNCTIONS[name]
    values = np.array([function(i / ONE) for i in range(end * ONE + 1)])
    to_half = np.abs(values - np.floor(values) - 0.5)
    assert to_half.min() > 1e-9
    # Libraries err by a unit or two in the last place of a result.
    assert np.all(to_half > 1000 * np.spacing(values))
    table = functions.table(name)
    assert hashlib.sha256(table.astype("<i4").tobytes()).hexdigest()[:16] == DIGESTS[name]


def test_activations():
    x = np.concatenate([np.arange(-7 * ONE, 7 * ONE, 13), [-(1 << 24), 1 << 24]]).astype("float64")
    numbers = x / ONE
    for actual, expected in (
        (gelu(x), ops.gelu(numbers, approximate=False)), (half_tanh(x), np.tanh(numbers) / 2),
        (sigmoid(x), 1 / (1 + np.exp(np.clip(-numbers, -700, 700)))),
    ):
        assert np.array_equal(actual, np.rint(actual))
        np.testing.assert_allclose(actual, ONE * np.asarray(expected), atol=1.01)


def test_weights():
    logits = np.floor(np.random.default_rng(0).normal(size=(5, 9)) * 3 * ONE)
    weights = softmax_weights(logits)
    assert np.all(weights.max(-1) == 1 << 16)
    np.testing.assert_allclose(weights / weights.sum(-1, keepdims=True),
                               ops.softmax(logits / ONE), atol=2e-5)
    assert softmax_weights(np.array([0.0, -12 * ONE, -(2.0**50)]))[1:].tolist() == [0, 0]


def test_what_is_no_number_stays_none():
    x = np.array([math.nan, 1.0])
    for function in (gelu, half_tanh, sigmoid):
        assert np.isnan(function(x)).tolist() == [True, False]
