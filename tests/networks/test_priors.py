"""The factorized prior against TensorFlow Compression's, and against its own definition."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alic_tf.networks.entropy.priors import LIKELIHOOD_BOUND, DeepFactorized
from tests.golden import load

GOLDEN = load("deep_factorized")
CHANNELS = 6


@pytest.fixture(scope="module")
def original():
    """The prior with the weights of TFC 2.14.1's NoisyDeepFactorized."""
    prior = DeepFactorized(CHANNELS, filters=(3, 3))
    prior.build()
    for kind in ("matrix", "bias", "factor"):
        attribute = {"matrix": "matrices", "bias": "biases", "factor": "factors"}[kind]
        for i, variable in enumerate(getattr(prior, attribute)):
            variable.assign(GOLDEN[f"{kind}_{i}"])
    prior.medians.assign(GOLDEN["quantization_offset"])
    return prior


def cumulative(prior, values):
    """Cumulative probabilities (numpy float64) of values [..., C]."""
    rows = values.reshape(-1, CHANNELS).T[:, None].astype("float32")
    logits = np.asarray(prior.logits(rows), "float64")[:, 0].T
    return (1 / (1 + np.exp(-logits))).reshape(values.shape)


def test_cumulative(original):
    np.testing.assert_allclose(cumulative(original, GOLDEN["z"]), GOLDEN["cdf_at_z"], atol=1e-6)


@pytest.mark.parametrize("values, log_prob", [
    ("z", "log_prob_at_z"), ("z_hat_call", "log_prob_at_zhat")])
def test_likelihoods(original, values, log_prob):
    likelihood = np.asarray(original.likelihood(GOLDEN[values]))
    expected = np.maximum(np.exp(GOLDEN[log_prob]), LIKELIHOOD_BOUND)
    np.testing.assert_allclose(likelihood, expected, rtol=1e-3, atol=1e-9)


def test_rounding_and_rate(original):
    z_hat, likelihood = original(GOLDEN["z"])
    np.testing.assert_allclose(z_hat, GOLDEN["z_hat_call"], atol=1e-5)
    bits = -np.log2(np.asarray(likelihood)).sum((1, 2, 3))
    np.testing.assert_allclose(bits, GOLDEN["bits_per_example"], rtol=1e-4)


def test_quantiles(original):
    tails = np.stack([GOLDEN["lower_tail"], GOLDEN["upper_tail"]])
    expected = np.array([2.0**-9, 1 - 2.0**-9])
    np.testing.assert_allclose(
        cumulative(original, tails), np.broadcast_to(expected[:, None], tails.shape), rtol=0.02)
    for tail, probability in zip(tails, expected):
        np.testing.assert_allclose(original.quantile(probability), tail, atol=0.05)


def test_center_moves_the_medians_to_one_half():
    prior = DeepFactorized(CHANNELS, seed=0)
    prior.build()
    rng = np.random.default_rng(0)
    for variable in prior.trainable_variables:
        variable.assign(variable + 0.5 * rng.normal(size=variable.shape))
    prior.center()
    medians = np.asarray(prior.medians)
    assert np.ptp(medians) > 0.1
    np.testing.assert_allclose(cumulative(prior, medians), 0.5, atol=1e-4)


def test_noise_in_training_and_rounding_else():
    prior = DeepFactorized(CHANNELS, seed=0)
    prior.build()
    prior.medians.assign(np.linspace(-0.4, 0.4, CHANNELS))
    z = np.random.default_rng(0).normal(size=(500, 1, 1, CHANNELS)).astype("float32") * 5
    noisy, likelihood = prior(z, training=True)
    noise = np.asarray(noisy) - z
    assert np.abs(noise).max() <= 0.5 + 1e-5
    np.testing.assert_allclose(noise.mean(), 0, atol=0.03)
    np.testing.assert_allclose(noise.var(), 1 / 12, rtol=0.05)
    np.testing.assert_allclose(likelihood, prior.likelihood(noisy), rtol=1e-6)
    assert not np.allclose(prior(z, training=True)[0], noisy)
    rounded, _ = prior(z)
    whole = np.asarray(rounded) - np.asarray(prior.medians)
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-5)
    assert np.abs(np.asarray(rounded) - z).max() <= 0.5 + 1e-5


def test_the_integers_share_all_of_the_mass():
    prior = DeepFactorized(CHANNELS, seed=3)
    prior.build()
    values = np.arange(-300, 301, dtype="float32")[:, None].repeat(CHANNELS, 1)
    np.testing.assert_allclose(np.asarray(prior.likelihood(values)).sum(0), 1, atol=1e-4)


def test_gradients_are_finite_far_out(original):
    z = tf.Variable(np.geomspace(1, 1e6, 20, dtype="float32")[:, None] * np.ones(CHANNELS, "f4")
                    * np.array([1, -1, 1, -1, 1, -1], "float32"))
    with tf.GradientTape() as tape:
        loss = -tf.reduce_sum(tf.math.log(original.likelihood(z)))
    variables = [v.value for v in original.trainable_variables]
    gradients = tape.gradient(loss, [z, *variables])
    assert np.isfinite(loss) and all(np.all(np.isfinite(g)) for g in gradients)
    # Below the bound of the likelihood, the rate still pulls towards the centre.
    below = np.asarray(original.likelihood(z)) == np.float32(LIKELIHOOD_BOUND)
    inwards = np.sign(z.numpy()) * gradients[0].numpy() > 0
    assert np.any(below & inwards)


def test_configuration_gives_the_same_layer():
    prior = DeepFactorized(4, filters=(2, 2), init_scale=3.0, name="prior")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(prior))
    assert again.get_config() == prior.get_config()
    again.build()
    assert [tuple(m.shape) for m in again.matrices] == [(4, 2, 1), (4, 2, 2), (4, 1, 2)]
