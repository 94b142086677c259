"""The prior of a latent of few levels."""

import numpy as np
import pytest

from alic_tf.networks.entropy.factorized import FactorizedEntropyModel
from alic_tf.networks.entropy.level_prior import LEAST, PACE, LevelPrior
from alic_tf.networks.to_integer import converted
from tests.integer.test_prior import coded_bytes

# A channel with all of its mass at the ends, an even one, and one with a level that is not there.
PROBABILITIES = np.array([[0.5, 0, 0, 0, 0.5], [0.2] * 5, [0.1, 0.6, 0, 0.2, 0.1]])


@pytest.fixture
def prior():
    prior = LevelPrior(3, 5)
    prior.build()
    prior.frequencies.assign(PROBABILITIES)
    return prior


def sample(count):
    rng = np.random.default_rng(0)
    return np.stack([rng.choice(5, count, p=row) for row in PROBABILITIES], axis=-1)


def test_likelihoods_are_frequencies_and_linear_between(prior):
    expected = np.maximum(PROBABILITIES, LEAST)
    levels = np.tile(np.arange(5.0)[:, None], 3).astype("float32")
    np.testing.assert_allclose(prior.likelihood(levels), expected.T, rtol=1e-4)
    between = 0.75 * expected[:, :-1] + 0.25 * expected[:, 1:]
    np.testing.assert_allclose(prior.likelihood(levels[:-1] + 0.25), between.T, rtol=1e-4)
    rounded, likelihood = prior(levels + 0.3)
    np.testing.assert_array_equal(rounded, levels)
    np.testing.assert_allclose(likelihood, expected.T, rtol=1e-4)


def test_training_counts(prior):
    levels = sample(40).reshape(2, 4, 5, 3)
    noisy, likelihood = prior(levels - 0.4, training=True)
    assert np.abs(noisy - levels + 0.4).max() <= 0.5 and likelihood.shape == levels.shape
    counts = np.stack([np.bincount(levels[..., c].ravel(), minlength=5) for c in range(3)]) / 40
    expected = (1 - PACE) * PROBABILITIES + PACE * counts
    np.testing.assert_allclose(prior.frequencies, expected, rtol=1e-5, atol=1e-7)
    prior(levels, training=False)
    np.testing.assert_allclose(prior.frequencies, expected, rtol=1e-5, atol=1e-7)


def test_code_length_is_the_entropy(prior):
    tables = converted(prior)
    z = sample(4000).reshape(50, 80, 3)
    bits = -np.log2(np.take_along_axis(PROBABILITIES.T, z.reshape(-1, 3), 0)).sum()
    assert abs(8 * coded_bytes(tables, z) / bits - 1) < 0.005
    # Levels that do not exist can be coded all the same.
    coded_bytes(tables, np.full((2, 2, 3), 400))


def test_the_latent_learns_from_the_slope(prior):
    import tensorflow as tf

    values = tf.constant([[3.5, 2.5, 1.5]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        likelihood = tf.reduce_sum(prior.likelihood(values))
    np.testing.assert_allclose(tape.gradient(likelihood, values), [[0.5, 0, -0.6]], atol=1e-4)


def test_configuration():
    entropy = FactorizedEntropyModel(3, levels=5)
    again = FactorizedEntropyModel.from_config(entropy.get_config())
    assert isinstance(again.prior, LevelPrior)
    assert LevelPrior.from_config(again.prior.get_config()).levels == 5
