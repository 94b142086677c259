import keras
import numpy as np
import pytest

from alic_tf.networks.entropy.masked import MaskedContext, split_mixture
from tests.golden import Weights, load, relative_error

GMM = load("fu2022_gmm_n16")
GLLMM = load("fu2022_gllmm_n16")
WEIGHT_NAMES = ("probs", "probs_lap", "probs_log")


def golden_parameters(data, case, plain):
    """Parameters of a case; those stored once belong to the rounded latent."""
    prefix = f"train/{case}/" if f"train/{case}/means" in data else plain
    return {key[len(prefix):]: value for key, value in data.items() if key.startswith(prefix)}


def assert_likelihoods(actual, expected):
    # The original subtracts cumulatives near 1, which leaves it 2e-7 of noise.
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-6)
    likely = expected > 1e-4
    assert np.max(np.abs(actual / expected - 1), where=likely, initial=0) < 1e-3


@pytest.mark.parametrize("case", ["yhat", "y", "edge"])
def test_gmm_context_equals_original(case):
    context = MaskedContext(16, "gmm")
    context.build(GMM["act/phi"].shape)
    Weights(GMM).context(context)
    values = GMM[f"train/{case}/values"]
    result = context(GMM["act/phi"], values)
    expected = golden_parameters(GMM, case, "act/")
    assert relative_error(result.weights, expected["probs"]) < 5e-5
    assert relative_error(result.means, expected["means"]) < 1e-5
    assert relative_error(result.scales, expected["scales"]) < 1e-5
    assert_likelihoods(result.likelihood(values).numpy(), GMM[f"train/{case}/likelihoods"])


@pytest.mark.parametrize("case", ["yround", "y", "edge"])
def test_gllmm_equals_original(case):
    expected = golden_parameters(GLLMM, case, "infer/")
    # The last layer's output, as the original's parameters imply it: p, m, s of each component.
    logits = np.log(np.concatenate([expected[name] for name in WEIGHT_NAMES], -1) + 1e-37)
    groups = np.stack([logits, expected["means"], -expected["scales"]], -1).reshape(1, 6, 7, 16, 27)
    groups = np.concatenate([groups, np.log(expected["probs_mix"] + 1e-37)], -1)
    parameters = np.moveaxis(groups, -1, -2).reshape(1, 6, 7, 30 * 16)
    result = split_mixture("gllmm", parameters)
    weights = np.concatenate([expected[name] * expected["probs_mix"][..., i:i + 1]
                              for i, name in enumerate(WEIGHT_NAMES)], -1)
    assert relative_error(result.weights, weights) < 1e-5
    np.testing.assert_array_equal(result.means, expected["means"])
    np.testing.assert_array_equal(result.scales, expected["scales"])
    likelihood = result.likelihood(GLLMM[f"train/{case}/values"]).numpy()
    assert_likelihoods(likelihood, GLLMM[f"train/{case}/likelihoods"])


@pytest.mark.parametrize("mixture, widths", [
    ("gaussian", (640, 640, 2 * 6)), ("gmm", (640, 640, 9 * 6)), ("gllmm", (640, 1280, 30 * 6))])
def test_context_depends_on_the_decoded_past_alone(mixture, widths):
    rng = np.random.default_rng(0)
    hyper = rng.normal(size=(1, 7, 7, 5)).astype("float32")
    latent = rng.normal(size=(1, 7, 7, 6)).astype("float32")
    context = MaskedContext(6, mixture)
    before = context(hyper, latent)
    assert tuple(layer.filters for layer in context.layers_sequence) == widths
    latent[0, 3, 3:] += 1
    latent[0, 4:] += 1
    after = context(hyper, latent)
    for name in ("log_weights", "means", "scales"):
        a, b = np.asarray(getattr(before, name)), np.asarray(getattr(after, name))
        assert a.shape == (1, 7, 7, 6, len(before.families))
        np.testing.assert_allclose(a[0, :3], b[0, :3], atol=1e-6)
        np.testing.assert_allclose(a[0, 3, :4], b[0, 3, :4], atol=1e-6)
    changed = np.abs(np.asarray(before.means) - np.asarray(after.means)).max((-1, -2))[0]
    assert np.all(changed[3, 4:] > 1e-4) and np.all(changed[4, 1:] > 1e-4)


def test_context_is_rebuilt_from_its_configuration():
    context = MaskedContext(4, "gllmm")
    copy = MaskedContext.from_config(context.get_config())
    assert (copy.latents, copy.mixture) == (4, "gllmm")
    assert keras.saving.get_registered_name(MaskedContext) == "alic_tf>MaskedContext"
    with pytest.raises(ValueError, match="gllmm"):
        MaskedContext(4, "student")
