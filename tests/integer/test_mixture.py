"""Integer tables and mixtures against the float distributions they stand for."""

import math

import numpy as np
import pytest

from alic_tf.integer.fixed_point import LARGEST
from alic_tf.integer.mixture import MIXTURES, IntegerMixture
from alic_tf.integer.tables import FAMILIES, LEVELS, IntegerTables

TABLES = IntegerTables.generate()
ERFC = np.vectorize(math.erfc)


def cumulative(family, x):
    if family == "gaussian":
        return 0.5 * ERFC(-x / math.sqrt(2))
    if family == "laplace":
        return np.where(x < 0, 0.5 * np.exp(-np.abs(x)), 1 - 0.5 * np.exp(-np.abs(x)))
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def single(family, mean, scale):
    """A mixture of one component, of any family."""
    mean, scale = (np.rint(np.atleast_2d(v) * 4096).astype("int64") for v in (mean, scale))
    return IntegerMixture(TABLES, (family,), mean, TABLES.levels_of_scales(scale))


def test_levels_of_scales():
    scales = np.geomspace(0.002, 2000, 5000)
    integers = np.rint(scales * 4096).astype("int64")
    levels = TABLES.levels_of_scales(integers)
    exact = np.rint((np.log2(np.maximum(integers, 1) / 4096) + 6) * 32)
    np.testing.assert_array_equal(levels, np.clip(exact, 0, LEVELS - 1))
    np.testing.assert_array_equal(TABLES.levels_of_scales(-integers), levels)
    np.testing.assert_array_equal(TABLES.levels_of_scales([0, LARGEST]), [0, LEVELS - 1])


def test_levels_of_logarithms():
    log2 = np.linspace(-9, 12, 1001)
    levels = TABLES.levels_of_log2(np.rint(log2 * 4096))
    np.testing.assert_allclose(levels, np.clip((log2 + 6) * 32, 0, LEVELS - 1), atol=0.51)


def test_weights_are_a_softmax():
    logits = np.random.default_rng(0).normal(scale=4, size=(5, 400))
    weights = TABLES.weights(np.rint(logits * 4096))
    softmax = np.exp(logits - logits.max(0))
    np.testing.assert_allclose(weights / weights.sum(0), softmax / softmax.sum(0), atol=3e-3)
    assert np.all(weights.max(0) == 1 << 16)


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_against_float_distributions(family):
    """Coding with the integer model costs < 0.1 % more than the float entropy, any scale."""
    rng = np.random.default_rng(1)
    for scale in np.geomspace(0.11, 400, 60):
        mean = rng.uniform(-0.5, 0.5)
        k = np.arange(-int(20 * scale + 4), int(20 * scale + 5))
        float_mass = (cumulative(family, (k + 0.5 - mean) / scale)
                      - cumulative(family, (k - 0.5 - mean) / scale))
        mixture = single(family, np.full(len(k), mean), np.full(len(k), scale))
        mass = (mixture.cdf(k) - mixture.cdf(k - 1)) / mixture.total
        assert np.all(mass >= 0) and abs(mass.sum() - 1) < 1e-6
        seen = float_mass > 1e-7
        p, q = float_mass[seen], np.maximum(mass[seen], 2.0**-28)
        entropy = -np.sum(p * np.log2(p))
        assert np.sum(p * np.log2(p / q)) < 0.001 * entropy + 2e-6, scale


def test_cumulative_ends_and_order():
    rng = np.random.default_rng(2)
    mixture = IntegerMixture.from_parameters(
        "gllmm", rng.integers(-LARGEST, LARGEST, (30, 500)), TABLES)
    far = np.full(500, 1 << 16)
    # The widest Laplace reaches 20 * 512 to each side of means within +-4096.
    assert np.all(mixture.cdf(-far) == 0) and np.all(mixture.cdf(far) == mixture.total)
    steps = [mixture.cdf(np.full(500, k)) for k in range(-300, 300, 7)]
    assert np.all(np.diff(steps, axis=0) >= 0)


@pytest.mark.parametrize("kind", MIXTURES)
def test_parameters_of_networks(kind):
    rng = np.random.default_rng(3)
    families, n = MIXTURES[kind], 200
    parameters = rng.normal(scale=2, size=({"gaussian": 2, "gmm": 9, "gllmm": 30}[kind], n))
    mixture = IntegerMixture.from_parameters(kind, np.rint(parameters * 4096), TABLES)

    def softmax(x, axis):
        e = np.exp(x)
        return e / e.sum(axis, keepdims=True)

    if kind == "gaussian":
        means, scales, weights = parameters[:1], parameters[1:], np.ones((1, n))
    else:
        groups = parameters[:3 * len(families)].reshape(-1, 3, 3, n)  # family, component, l m s
        weights = softmax(groups[:, :, 0], 1)
        if kind == "gllmm":
            weights = weights * softmax(parameters[27:], 0)[:, None]
        weights = weights.reshape(-1, n)
        means, scales = (groups[:, :, i].reshape(-1, n) for i in (1, 2))
    k = rng.integers(-6, 7, n)
    scales = np.maximum(np.abs(scales), 2.0**-6)
    expected = sum(w * cumulative(f, (k + 0.5 - m) / s)
                   for f, w, m, s in zip(families, weights, means, scales))
    np.testing.assert_allclose(mixture.cdf(k) / mixture.total, expected, atol=0.01)


def test_take():
    rng = np.random.default_rng(4)
    mixture = IntegerMixture.from_parameters("gmm", rng.integers(-9999, 9999, (9, 50)), TABLES)
    some = np.array([3, 4, 40])
    np.testing.assert_array_equal(
        mixture.take(some).cdf(np.zeros(3, "int64")), mixture.cdf(np.zeros(50, "int64"))[some])
    assert len(mixture.take(slice(10, 20))) == 10


def test_tables_survive_storage():
    again = IntegerTables(**TABLES.arrays())
    for name, array in TABLES.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
        assert array.dtype.kind == "i"


def test_refuses_unknown_names():
    with pytest.raises(ValueError, match="gllmm"):
        IntegerMixture.from_parameters("gmmm", np.zeros((9, 1)), TABLES)
    with pytest.raises(ValueError, match="logistic"):
        IntegerMixture(TABLES, ("cauchy",), np.zeros((1, 1), "int64"), np.zeros((1, 1), "int64"))
