"""The exact channel-wise model: bytes and back, and its agreement with the float networks."""

import numpy as np
import pytest

from alic_tf.integer import channel
from alic_tf.integer.channel import ExactChannelModel
from alic_tf.integer.fixed_point import ONE, dequantize
from alic_tf.networks import to_integer
from tests.integer.random_model import completed_parts
from tests.tiny_models import tiny_icwem

CHANNELS, SLICES, HYPER_LATENTS = 8, 2, 4


@pytest.fixture(scope="module")
def models():
    model = tiny_icwem()
    return model, to_integer.exact_model(model)


def random_latents(height, width, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.laplace(size=(height, width, CHANNELS)) * 3
    z = np.rint(rng.normal(size=(height // 4, width // 4, HYPER_LATENTS)) * 4).astype("int64")
    return y, z


def coded(exact, y_hat, z):
    """(means, decoded latent without residuals) when this latent is decoded."""
    means, plain = np.zeros(y_hat.size), np.zeros(y_hat.size)
    # Residuals are within 1/2: what was coded is the nearest whole distance.
    for part, latent in completed_parts(exact, y_hat, z):
        means[part.indices], plain[part.indices] = part.means, latent[part.indices]
    return dequantize(means).reshape(y_hat.shape), dequantize(plain).reshape(y_hat.shape)


@pytest.mark.parametrize("height, width, lanes", [(8, 8, 1), (8, 24, 2), (16, 8, 4)],
                         indirect=["lanes"])
def test_decodes_what_was_encoded(models, height, width, lanes):
    exact = models[1]
    y, z = random_latents(height, width)
    payload, y_hat, coded_lanes = exact.encode(y, z)
    assert coded_lanes == lanes
    _, plain = coded(exact, y_hat, z)
    assert np.abs(plain - y).max() <= 0.5 + 1 / ONE
    residual = np.abs(y_hat - plain)
    assert residual.mean() > 0.01 and residual.max() <= 0.5
    again = ExactChannelModel.from_arrays(exact.arrays())
    for decoder in (exact, again):
        decoded, hyper = decoder.decode(payload, height, width, lanes)
        np.testing.assert_array_equal(decoded, y_hat)
        np.testing.assert_array_equal(hyper, z)


@pytest.mark.parametrize("lanes", [2], indirect=True)
def test_tiles_and_parts_change_nothing(models, lanes, monkeypatch):
    """Memory is bounded by cutting what is large, here everything."""
    exact = models[1]
    y, z = random_latents(40, 64)
    payload, y_hat, _ = exact.encode(y, z)
    for name, size in (("PART", 500), ("TILE", 16)):
        monkeypatch.setattr(channel, name, size)
    cut = ExactChannelModel.from_arrays(exact.arrays())
    shares = []
    assert cut.encode(y, z, shares.append)[0] == payload
    assert len(shares) == SLICES * 6 and abs(sum(shares) - 1) < 1e-9
    decoded, hyper = cut.decode(payload, 40, 64, 2)
    np.testing.assert_array_equal(decoded, y_hat)
    np.testing.assert_array_equal(hyper, z)


def test_extreme_latents(models):
    exact = models[1]
    y, z = random_latents(8, 8)
    y[::3, ::2], y[1::3, 1::2], z[0] = 4095, -4095, 30000
    payload, y_hat, lanes = exact.encode(y, z)
    decoded, hyper = exact.decode(payload, 8, 8, lanes)
    np.testing.assert_array_equal(decoded, y_hat)
    np.testing.assert_array_equal(hyper, z)


def test_distributions_are_those_of_the_float_networks(models):
    model, exact = models
    y, z = random_latents(16, 24, seed=1)
    _, y_hat, _ = exact.encode(y, z)
    z_hat = (z + np.asarray(model.entropy.prior.medians)).astype("float32")[None]
    means, scales, _, latent_hat = model.entropy.context(
        y_hat[None].astype("float32"), model.entropy.features(z_hat))
    np.testing.assert_allclose(coded(exact, y_hat, z)[0], means[0], atol=0.02)
    np.testing.assert_allclose(y_hat, latent_hat[0], atol=0.02)
    # The mass of the mean's bin tells the scale of a part.
    part, _ = next(completed_parts(exact, y_hat, z))
    mixture = part.mixture
    zero = np.zeros(len(mixture), "int64")
    mass = (mixture.cdf(zero) - mixture.cdf(zero - 1)) / mixture.total
    first = np.asarray(scales)[0, ..., :CHANNELS // SLICES].reshape(-1)
    order, by_mass = np.argsort(first), np.argsort(-mass)
    np.testing.assert_allclose(first[order], first[by_mass], rtol=0.05)


def test_code_length_is_that_of_the_float_networks(models):
    """Latents as likely as the networks think cost what these estimate."""
    model, exact = models
    # Random bytes decode to a sample of the model.
    y, z = exact.decode(np.random.default_rng(0).bytes(20000), 16, 24, 1)
    payload, y_hat, _ = exact.encode(y, z)
    bits = model.estimate(y[None].astype("float32"), z[None].astype("float32"),
                          np.ones(1, "float32"))
    assert float(bits[0]) > 4000
    assert abs(8 * len(payload) / float(bits[0]) - 1) < 0.02


def test_arrays_are_integers_that_give_the_same_model(models):
    arrays = models[1].arrays()
    assert {array.dtype.kind for array in arrays.values()} == {"i"}
    again = ExactChannelModel.from_arrays(arrays).arrays()
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


def test_damaged_payloads(models):
    exact = models[1]
    with pytest.raises(ValueError, match="too short"):
        exact.decode(b"12345", 8, 16, 1)
    rng = np.random.default_rng(0)
    for size in (8, 30, 600):
        decoded, hyper = exact.decode(rng.bytes(size), 8, 16, 1)
        assert decoded.shape == (8, 16, CHANNELS) and hyper.shape == (2, 4, HYPER_LATENTS)
        assert np.all(np.isfinite(decoded))
