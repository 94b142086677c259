"""The exact parallel model: bytes and back, and its agreement with the float networks."""

import math

import numpy as np
import pytest

from alic_tf.bitstream.quality_steps import quality_of_step
from alic_tf.integer import parallel, scan
from alic_tf.integer.fixed_point import ONE, dequantize, quantize
from alic_tf.integer.parallel import ExactParallelModel
from alic_tf.integer.stored import numbered
from alic_tf.networks import to_integer
from tests.integer.random_model import all_means, completed_parts
from tests.tiny_models import tiny_dwan

CHANNELS, HYPER_LATENTS = 16, 4
STEPS = [0, 13, 56]


@pytest.fixture(scope="module", params=["ssm", "checkerboard"])
def models(request):
    model = tiny_dwan(**{"entropy.context": request.param})
    return model, to_integer.exact_model(model)


def random_latents(model, step, height, width, seed=0):
    """(y, z) of about the size that the model expects."""
    rng = np.random.default_rng(seed)
    unit = dequantize(model.qualities.units[step]) / 16
    y = rng.laplace(size=(height, width, CHANNELS)) * unit
    z = np.rint(rng.normal(size=(height // 4, width // 4, HYPER_LATENTS)) * 4).astype("int64")
    return y, z


def coded_elements(exact, y_hat, z):
    """(which elements are not skipped, means of all) when this latent is decoded."""
    parts = [part for part, _ in completed_parts(exact, y_hat, z)]
    coded = np.isin(np.arange(y_hat.size), np.concatenate([part.indices for part in parts]))
    means = dequantize(all_means(parts, y_hat.size))
    return coded.reshape(y_hat.shape), means.reshape(y_hat.shape)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("height, width, lanes", [(4, 4, 1), (4, 44, 2), (12, 8, 1)],
                         indirect=["lanes"])
def test_decodes_what_was_encoded(models, step, height, width, lanes):
    exact = models[1].at(step)
    y, z = random_latents(exact, step, height, width)
    payload, y_hat, coded_lanes = exact.encode(y, z)
    assert coded_lanes == lanes
    coded, means = coded_elements(exact, y_hat, z)
    # Quantization steps of 1, and half a unit of the fixed point.
    assert np.abs(y_hat - y)[coded].max() <= 0.5 + 1 / ONE
    np.testing.assert_array_equal(y_hat[~coded], means[~coded])
    again = ExactParallelModel.from_arrays(exact.arrays()).at(step)
    for decoder in (exact, again):
        decoded, hyper = decoder.decode(payload, height, width, lanes)
        np.testing.assert_array_equal(decoded, y_hat)
        np.testing.assert_array_equal(hyper, z)


@pytest.mark.parametrize("lanes", [2], indirect=True)
def test_tiles_and_parts_change_nothing(models, lanes, monkeypatch):
    """Memory is bounded by cutting what is large, here everything."""
    exact = models[1].at(20)
    y, z = random_latents(exact, 20, 40, 72)
    payload, y_hat, _ = exact.encode(y, z)
    for name, size in (("PART", 100), ("TILE", 16)):
        monkeypatch.setattr(parallel, name, size)
    monkeypatch.setattr(scan, "CHANNELS", 3)
    cut = ExactParallelModel.from_arrays(exact.arrays()).at(20)
    shares = []
    assert len(list(completed_parts(cut, y_hat, z))) == 4 * 15
    assert cut.encode(y, z, shares.append)[0] == payload
    assert len(shares) == 4 * 15 and abs(sum(shares) - 1) < 1e-9
    decoded, hyper = cut.decode(payload, 40, 72, 2, shares.append)
    np.testing.assert_array_equal(decoded, y_hat)
    np.testing.assert_array_equal(hyper, z)
    assert abs(sum(shares) - 2) < 1e-9


def test_extreme_latents(models):
    exact = models[1].at(56)
    y, z = random_latents(exact, 56, 8, 8)
    y[::3, ::2], y[1::3, 1::2], z[0] = 4095, -4095, 30000
    payload, y_hat, lanes = exact.encode(y, z)
    decoded, hyper = exact.decode(payload, 8, 8, lanes)
    np.testing.assert_array_equal(decoded, y_hat)
    np.testing.assert_array_equal(hyper, z)
    coded, _ = coded_elements(exact, y_hat, z)
    assert np.abs(y_hat - y)[coded].max() <= 0.5 + 1 / ONE


def test_passes_cover_each_element_once(models):
    exact = ExactParallelModel.from_arrays({**models[1].arrays(), "lowest_coded_level": 0})
    y, z = random_latents(exact, 0, 8, 12)
    _, y_hat, _ = exact.encode(y, z)
    assert len(list(exact.passes(z, 8, 12, np.arange(CHANNELS)))) == 4
    parts = [part for part, _ in completed_parts(exact, y_hat, z)]
    assert sum(part.share for part in parts) == 1
    numbers = np.concatenate([part.indices for part in parts])
    np.testing.assert_array_equal(np.sort(numbers), np.arange(y.size))


@pytest.mark.parametrize("level", [124, 160, 200])
def test_elements_of_small_scale_are_skipped(models, level):
    """Exactly those; what is left is coded as if the others had been found at their means."""
    arrays = models[1].arrays()
    every, exact = (ExactParallelModel.from_arrays({**arrays, "lowest_coded_level": lowest}).at(13)
                    for lowest in (0, level))
    y, z = random_latents(exact, 13, 12, 8)
    payload, y_hat, lanes = exact.encode(y, z)
    np.testing.assert_array_equal(exact.decode(payload, 12, 8, lanes)[0], y_hat)
    coded, means = coded_elements(exact, y_hat, z)
    assert 0.05 < coded.mean() < 0.95
    scale = 2.0 ** ((level - 192) / 32)
    for part, _ in completed_parts(every, y_hat, z):
        indices, pass_means, mixture = part.indices, part.means, part.mixture
        symbols = part.symbols(y_hat.reshape(-1))
        skipped = ~coded.reshape(-1)[indices]
        assert not symbols[skipped].any()
        np.testing.assert_array_equal(pass_means, quantize(means).reshape(-1)[indices])
        # The distribution itself tells its scale: the mass of zero.
        zero = np.zeros(len(mixture), "int64")
        mass = (mixture.cdf(zero) - mixture.cdf(zero - 1)) / mixture.total
        bound = math.erf(0.5 / (scale * 2 ** (-1 / 64)) / math.sqrt(2))
        np.testing.assert_array_equal(mass > bound, skipped)


@pytest.mark.parametrize("step", STEPS)
def test_means_and_scales_are_those_of_the_float_networks(models, step):
    model, exact = models[0], models[1].at(step)
    y, z = random_latents(exact, step, 12, 8, seed=1)
    _, y_hat, _ = exact.encode(y, z)
    quality = np.array([quality_of_step(step)], "float32")
    knots = model.knots(quality)
    z_hat = (z + np.asarray(model.entropy.prior.medians)).astype("float32")[None]
    mean, _, latent_hat = model.entropy.context(
        y_hat[None].astype("float32"), model.entropy.hyper_output(z_hat, knots),
        model.transform.unit(knots))
    error = np.abs(coded_elements(exact, y_hat, z)[1] - np.asarray(mean)[0])
    unit = dequantize(exact.qualities.units[step]) / 16
    assert np.max(error / unit) < 0.01
    np.testing.assert_allclose(latent_hat[0], y_hat, atol=0.01 * unit.max())


@pytest.mark.parametrize("step", STEPS)
def test_code_length_is_that_of_the_float_networks(models, step):
    """Latents as likely as the networks think cost what these estimate."""
    model, exact = models[0], models[1].at(step)
    # Random bytes decode to a sample of the model.
    y, z = exact.decode(np.random.default_rng(step).bytes(20000), 16, 24, 1)
    payload, y_hat, _ = exact.encode(y, z)
    np.testing.assert_array_equal(y_hat, y)
    quality = np.array([quality_of_step(step)], "float32")
    bits = model.estimate(y[None].astype("float32"), z[None].astype("float32"), quality)
    assert float(bits[0]) > 4000
    assert abs(8 * len(payload) / float(bits[0]) - 1) < 0.01


def test_quality_changes_what_is_decoded(models):
    y, z = random_latents(models[1], 13, 8, 8)
    payload, y_hat, lanes = models[1].at(13).encode(y, z)
    assert np.any(models[1].at(14).decode(payload, 8, 8, lanes)[0] != y_hat)


def test_arrays_are_integers_that_give_the_same_model(models):
    exact = models[1]
    arrays = exact.arrays()
    assert {array.dtype.kind for array in arrays.values()} == {"i"}
    again = ExactParallelModel.from_arrays(arrays).arrays()
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array)


def test_damaged_payloads(models):
    exact = models[1].at(20)
    with pytest.raises(ValueError, match="ends"):
        exact.decode(b"", 8, 8, 2)
    with pytest.raises(ValueError, match="too short"):
        exact.decode(b"12345", 8, 12, 1)
    rng = np.random.default_rng(0)
    for size in (6, 7, 30, 600):
        decoded, hyper = exact.decode(rng.bytes(size), 8, 12, 1)
        assert decoded.shape == (8, 12, CHANNELS) and hyper.shape == (2, 3, HYPER_LATENTS)
        assert np.all(np.isfinite(decoded))


def test_more_than_ten_layers_keep_their_order():
    layers = {f"hyper_{i}": i for i in range(12)}
    assert numbered(dict(sorted(layers.items())), "hyper") == list(range(12))
