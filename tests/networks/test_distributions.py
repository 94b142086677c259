import math

import numpy as np
import pytest
import tensorflow as tf

from alic_tf.integer.mixture import MIXTURES
from alic_tf.networks.entropy.distributions import (
    FAMILIES,
    LIKELIHOOD_MINIMUM,
    Mixture,
    gaussian_bits,
    log_interval,
    standard_cdf,
)
from tests.golden import load, relative_error

CDF = {
    "gaussian": lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5)),
    "laplace": lambda x: 1 - 0.5 * math.exp(-x) if x > 0 else 0.5 * math.exp(x),
    "logistic": lambda x: 1 / (1 + math.exp(-x)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_standard_cdf(family):
    x = np.linspace(-9, 9, 37).astype("float32")
    expected = [CDF[family](v) for v in x]
    np.testing.assert_allclose(standard_cdf(family, x), expected, rtol=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scale", [0.02, 0.11, 0.5, 1.0, 3.0, 20.0, 256.0])
def test_log_interval_against_double_precision(family, scale):
    deviation = scale * np.linspace(-30, 30, 121)
    # In the lower tail double precision has the difference, as long as it does not underflow.
    upper, lower = ((e - np.abs(deviation)) / scale for e in (0.5, -0.5))
    expected = np.array([CDF[family](a) - CDF[family](max(b, -700))
                         for a, b in zip(upper, lower)])
    known = expected > 1e-290
    actual = log_interval(family, deviation.astype("float32"), np.float32(scale)).numpy()
    np.testing.assert_allclose(actual[known], np.log(expected[known]), rtol=1e-4, atol=1e-4)


ORIGINAL = {"NoisyNormal": "gaussian", "NoisyLogistic": "logistic", "NoisyLaplace": "laplace"}


@pytest.mark.parametrize("name", ORIGINAL)
def test_location_scale_model_equals_original(name):
    golden = load("location_scale")
    indexes = np.clip(golden["ls/indexes"], 0, 63)
    step = (np.log(256) - np.log(0.11)) / 63
    scale = np.exp(np.log(0.11) + indexes * step).astype("float32")
    rounded = golden[f"ls/{name}/y_hat_call"] - golden["ls/loc"]
    np.testing.assert_allclose(log_interval(ORIGINAL[name], rounded, scale),
                               golden[f"ls/{name}/log_prob_at_yc_minus_loc"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_values_and_gradients_stay_finite(family):
    values, scales = np.meshgrid([0, 0.25, 0.5, 1, 7, 300, 1e5, -0.5, -1e5],
                                 [0, 1e-12, 1e-6, 1e-3, 0.1, 1, 100, 1e6])
    values, scales = (tf.constant(v.astype("float32")) for v in (values, scales))
    with tf.GradientTape() as tape:
        tape.watch([values, scales])
        logs = log_interval(family, values, scales)
        loss = -tf.reduce_sum(logs)
    by_value, by_scale = tape.gradient(loss, [values, scales])
    for tensor in (logs, by_value, by_scale):
        assert np.all(np.isfinite(tensor))
    assert np.all(logs <= 1e-6)
    # Descent pulls far values to the centre and widens scales: no gradient is lost.
    tail = (np.abs(values) > 100) & (scales < 1)
    assert np.all((by_value * np.sign(values))[tail] > 0)
    assert np.all(by_scale[tail] < 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_is_that_of_the_function(family):
    deviation = np.concatenate([np.linspace(-4, 4, 21), [-14, 14, 40]]).astype("float32")
    x, scale = tf.constant(deviation), tf.constant(np.full(24, 0.9, "float32"))
    with tf.GradientTape() as tape:
        tape.watch([x, scale])
        loss = tf.reduce_sum(log_interval(family, x, scale))
    by_value, by_scale = (g.numpy() for g in tape.gradient(loss, [x, scale]))

    def exact(v, s):
        a, b = (0.5 - abs(v)) / s, (-0.5 - abs(v)) / s
        if b < -37:  # the Gaussian's tail underflows double precision
            return None
        return math.log(CDF[family](a) - CDF[family](b))

    for i, v in enumerate(float(d) for d in deviation):
        h = 1e-4
        if exact(v, 0.9 - h) is None or v == 0:
            continue
        expected = (exact(v + h, 0.9) - exact(v - h, 0.9)) / (2 * h)
        assert by_value[i] == pytest.approx(expected, rel=2e-3, abs=1e-4)
        expected = (exact(v, 0.9 + h) - exact(v, 0.9 - h)) / (2 * h)
        assert by_scale[i] == pytest.approx(expected, rel=2e-3, abs=1e-4)


def test_gaussian_bits_of_a_sure_and_an_even_choice():
    np.testing.assert_allclose(gaussian_bits(np.float32([0, 0.5]), np.float32([1e-3, 1e-3])),
                               [0, 1], atol=1e-6)


def mixture(kind, means, scales):
    count = len(MIXTURES[kind])
    means, scales = (tf.tile(t[:, None], (1, count)) for t in (means, scales))
    return Mixture(MIXTURES[kind], tf.fill(means.shape, -math.log(count)), means, scales)


@pytest.mark.parametrize("kind", MIXTURES)
def test_mixture_gradients_stay_finite(kind):
    values = tf.constant([0.0, 0.5, 3, -260, -254, 256, 400, 1e5])
    with tf.GradientTape(persistent=True) as tape:
        means, scales = (tf.Variable(v) for v in (tf.zeros(8), tf.constant([0.0, 1e-9] * 4)))
        result = mixture(kind, means, scales)
        likelihood, bits = result.likelihood(values), result.bits(values)
    assert np.all(np.isfinite(bits)) and np.all(bits >= 0)
    assert np.all(likelihood >= LIKELIHOOD_MINIMUM) and np.all(likelihood <= 1)
    for target in (likelihood, bits):
        for gradient in tape.gradient(target, [means, scales]):
            assert np.all(np.isfinite(gradient))
    # Where the likelihood is flat the code length still pulls the mean to the value.
    assert np.all(tape.gradient(bits, means)[2:] * np.sign(values[2:]) < 0)


@pytest.mark.parametrize("kind", MIXTURES)
def test_mixture_is_a_distribution(kind):
    rng = np.random.default_rng(3)
    count = len(MIXTURES[kind])
    result = Mixture(
        MIXTURES[kind], tf.nn.log_softmax(tf.constant(rng.normal(size=(1, count)), tf.float32)),
        tf.constant(rng.normal(size=(1, count)), tf.float32),
        tf.constant(rng.uniform(0.1, 4, size=(1, count)), tf.float32))
    values = np.arange(-100, 101, dtype="float32")
    likelihood = np.exp2(-result.bits(values).numpy())
    assert likelihood.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(result.likelihood(values),
                               np.maximum(likelihood, LIKELIHOOD_MINIMUM), rtol=1e-4)
    assert relative_error(result.weights.numpy().sum(-1), [1]) < 1e-6


def test_unknown_family_is_named():
    with pytest.raises(ValueError, match="laplace"):
        log_interval("cauchy", 0.0, 1.0)
    with pytest.raises(ValueError, match="laplace"):
        standard_cdf("cauchy", 0.0)
