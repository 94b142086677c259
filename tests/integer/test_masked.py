"""The exact masked model: bytes and back, and its agreement with the float networks."""

import numpy as np
import pytest

from alic_tf.integer import masked
from alic_tf.integer.fixed_point import quantize
from alic_tf.integer.masked import ExactMaskedModel, _ActiveNetwork, wavefront
from alic_tf.integer.mixture import IntegerMixture
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.tables import IntegerTables
from alic_tf.networks.entropy.masked import MaskedContext
from alic_tf.networks.entropy.priors import DeepFactorized
from alic_tf.networks.stack import ConvolutionStack
from alic_tf.networks.to_integer import converted
from tests.golden import Weights, load
from tests.integer.random_model import random_latents, random_masked_model


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (7, 1), (5, 8), (32, 48)])
def test_wavefront_depends_on_earlier_steps_alone(height, width):
    steps = wavefront(height, width)
    step_of = np.zeros(height * width, int)
    for i, positions in enumerate(steps):
        step_of[positions] = i
    assert len(steps) == width + 3 * (height - 1) or width < 3
    assert sorted(np.concatenate(steps)) == list(range(height * width))
    step_of = step_of.reshape(height, width)
    for row in range(height):
        for column in range(width):
            for i, j in masked.TAPS:
                a, b = row + i - 2, column + j - 2
                if a >= 0 and 0 <= b < width:
                    assert step_of[a, b] < step_of[row, column]


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
@pytest.mark.parametrize("kind", ["gaussian", "gmm", "gllmm"])
def test_decodes_what_was_encoded(kind, lanes):
    model = random_masked_model(kind, 12)
    y, z = random_latents(12, 12, 20, dead=(0, 5, 11))
    payload, y_hat, coded_lanes = model.encode(y, z)
    assert coded_lanes == lanes
    assert payload[:2] == bytes([0b01111011, 0b11100000])
    np.testing.assert_array_equal(y_hat, y)
    again = ExactMaskedModel.from_arrays(model.arrays())
    for decoder in (model, again):
        decoded, hyper = decoder.decode(payload, 12, 20, lanes)
        np.testing.assert_array_equal(decoded, y)
        np.testing.assert_array_equal(hyper, z)


@pytest.mark.parametrize("height, width", [(4, 4), (4, 40), (24, 4)])
def test_thin_latents(height, width):
    model = random_masked_model("gmm", 3)
    y, z = random_latents(3, height, width)
    payload, _, lanes = model.encode(y, z)
    decoded, _ = model.decode(payload, height, width, lanes)
    np.testing.assert_array_equal(decoded, y)


def test_nothing_but_zeros():
    model = random_masked_model("gmm", 9)
    y, z = random_latents(9, 8, 8, dead=range(9))
    payload, _, lanes = model.encode(y, z)
    decoded, hyper = model.decode(payload, 8, 8, lanes)
    assert not decoded.any() and not any(payload[:2])
    np.testing.assert_array_equal(hyper, z)


@pytest.mark.parametrize("lanes", [2], indirect=True)
def test_encoding_at_once_equals_encoding_in_steps(lanes, monkeypatch):
    model = random_masked_model("gmm", 6)
    y, z = random_latents(6, 12, 16, dead=[2])
    payload, _, _ = model.encode(y, z)
    monkeypatch.setattr(masked, "BATCH", 20)
    assert model.encode(y, z)[0] == payload
    monkeypatch.setattr(ExactMaskedModel, "foreseen", False)
    assert model.encode(y, z)[0] == payload


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
def test_a_byte_for_each_position_at_least(lanes):
    """Of a picture that costs next to nothing; the decoder refuses less."""
    model = random_masked_model("gmm", 9)
    model.prior = FactorizedTables([16, 0, 65530, 65536] * 9, [0] * 9, [0] * 9)
    y, z = np.zeros((40, 24, 9)), np.zeros((10, 6, 9), "int64")
    payload, _, lanes = model.encode(y, z)
    assert len(payload) == 2 + (lanes - 1) + 60
    decoded, hyper = model.decode(payload, 40, 24, lanes)
    assert not decoded.any() and not hyper.any()
    with pytest.raises(ValueError, match="too short|fit"):
        model.decode(payload[:-1], 40, 24, lanes)


@pytest.mark.parametrize("lanes", [2], indirect=True)
def test_damaged_payloads(lanes):
    model = random_masked_model("gmm", 6)
    y, z = random_latents(6, 8, 8)
    payload, _, _ = model.encode(y, z)
    flags = payload[:1]
    for short in (b"", flags, flags + b"\x80"):
        with pytest.raises(ValueError, match="ends"):
            model.decode(short, 8, 8, lanes)
    with pytest.raises(ValueError, match="shortest"):
        model.decode(flags + b"\x80\0", 8, 8, lanes)
    # Four bytes follow: lengths of 2 + 3 or 2 - 3 are impossible, 2 + 2 and 2 - 2 are not.
    for distance in (6, 5):
        with pytest.raises(ValueError, match="fit"):
            model.decode(flags + bytes([distance, 1, 2, 3, 4]), 8, 8, lanes)
    for distance in (4, 3):
        model.decode(flags + bytes([distance, 1, 2, 3, 4]), 8, 8, lanes)
    rng = np.random.default_rng(0)
    for _ in range(20):
        garbage = payload[:2] + rng.bytes(len(payload) - 2)
        decoded, hyper = model.decode(garbage, 8, 8, lanes)
        assert decoded.shape == y.shape and hyper.shape == z.shape


@pytest.mark.parametrize("lanes", [1], indirect=True)
def test_code_length_is_that_of_the_float_networks(lanes):
    """Latents as likely as the authors' networks think cost what these estimate, to 0.2 %."""
    data = load("fu2022_gmm_n16")
    weights = Weights(data)
    leaky = {"kernel_size": 3, "activation": "leaky_relu"}
    hyper = ConvolutionStack([
        {**leaky, "filters": 16}, {**leaky, "filters": 16, "upsample": 2, "flip": True},
        {**leaky, "filters": 24}, {**leaky, "filters": 24, "upsample": 2, "flip": True},
        {"filters": 32, "kernel_size": 3}])
    hyper.build((None, None, None, 16))
    weights.stack(hyper, "hyper_synthesis")
    context = MaskedContext(16, "gmm")
    context.build(data["act/phi"].shape)
    weights.context(context)
    prior = DeepFactorized(16, seed=0)
    prior.build()
    prior.medians.assign(data["eb/medians"])
    model = ExactMaskedModel("gmm", converted(prior), IntegerTables.generate(),
                             converted(hyper.layers_sequence), converted(context.masked),
                             converted(context.layers_sequence))

    # Random bytes decode to a sample of the model.
    sample = b"\xff\xff" + np.random.default_rng(0).bytes(20000)
    y, z = model.decode(sample, 16, 24, 1)
    payload, _, _ = model.encode(y, z)
    decoded, _ = model.decode(payload, 16, 24, lanes)
    np.testing.assert_array_equal(decoded, y)
    # A second file with zeros for y tells what z and the flags cost.
    rest = len(model.encode(np.zeros_like(y), z)[0])
    phi = hyper((z + data["eb/medians"]).astype("float32")[None])
    y = y.astype("float32")[None]
    bits = -np.log2(np.asarray(context(phi, y).likelihood(y))).sum()
    assert bits > 10000
    assert abs(8 * (len(payload) - rest) / bits - 1) < 0.002


@pytest.mark.parametrize("kind, name, case, plain", [
    ("gmm", "fu2022_gmm_n16", "yhat", "act/"), ("gllmm", "fu2022_gllmm_n16", "yround", "infer/")])
def test_probabilities_of_the_original_networks(kind, name, case, plain):
    data = load(name)
    values, likelihoods = (data[f"train/{case}/{key}"] for key in ("values", "likelihoods"))
    means, scales = (data[plain + key] for key in ("means", "scales"))
    logits = [np.log(np.maximum(data[plain + key], 1e-30))
              for key in ("probs", "probs_lap", "probs_log")[:means.shape[-1] // 3]]
    channels = np.stack([np.concatenate(logits, -1), means, scales], -1)
    channels = channels.reshape(*channels.shape[:-2], -1)
    if kind == "gllmm":
        families = np.log(np.maximum(data[plain + "probs_mix"], 1e-30))
        channels = np.concatenate([channels, families], -1)
    parameters = quantize(channels.reshape(-1, channels.shape[-1]).T)
    mixture = IntegerMixture.from_parameters(kind, parameters, IntegerTables.generate())
    symbols = np.rint(values).astype("int64").reshape(-1)
    mass = (mixture.cdf(symbols) - mixture.cdf(symbols - 1)) / mixture.total
    expected = likelihoods.reshape(-1)
    bits = -np.log2(np.maximum(mass, 1e-6))
    assert abs(bits.sum() / -np.log2(expected).sum() - 1) < 0.001
    np.testing.assert_allclose(mass, expected, atol=0.03)
    assert np.mean(np.abs(mass - expected)) < 3e-4


@pytest.mark.parametrize("height, width", [(4, 200), (200, 4), (4, 4), (24, 32)])
def test_work_is_bounded_by_the_bytes(height, width, monkeypatch):
    """At most 13 steps, and 16 positions, for each byte that a payload needs for its size."""
    sizes = []
    mixture = _ActiveNetwork.mixture

    def counted(self, contexts, positions):
        sizes.append(len(positions))
        return mixture(self, contexts, positions)

    monkeypatch.setattr(_ActiveNetwork, "mixture", counted)
    model = random_masked_model("gaussian", 2)
    least = height * width // 16
    model.decode(b"\xff" + bytes(least), height, width, 1)
    assert sum(sizes) == height * width == 16 * least
    assert len(sizes) == width + 3 * (height - 1) <= 13 * least
    with pytest.raises(ValueError, match="too short"):
        model.decode(b"\xff" + bytes(least - 1), height, width, 1)
