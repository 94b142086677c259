"""The faithful model's parts, chained, against the authors' own program."""

import numpy as np
import pytest

from alic_tf.networks.entropy.hyperprior import HyperAnalysis, HyperSynthesis
from alic_tf.networks.entropy.masked import MaskedContext
from alic_tf.networks.entropy.priors import DeepFactorized
from alic_tf.networks.transforms import Analysis, Synthesis
from tests.golden import Weights, load, relative_error

GOLDEN = load("fu2022_gmm_n16")


@pytest.fixture(scope="module")
def parts():
    weights = Weights(GOLDEN)
    networks = {
        "analysis": (Analysis(16), 3), "synthesis": (Synthesis(16, pqf=False), 16),
        "hyper_analysis": (HyperAnalysis(16), 16), "hyper_synthesis": (HyperSynthesis(16), 16),
        "context": (MaskedContext(16, "gmm"), 32),
    }
    for network, channels in networks.values():
        network.build((None, None, None, channels))
    parts = {name: network for name, (network, _) in networks.items()}
    weights.analysis(parts["analysis"])
    weights.synthesis(parts["synthesis"])
    weights.stack(parts["hyper_analysis"], "hyper_analysis")
    weights.stack(parts["hyper_synthesis"], "hyper_synthesis")
    weights.context(parts["context"])
    assert not weights.unused
    prior = DeepFactorized(16)
    prior.build()
    for i in range(4):
        scope = "raw/entropy_bottleneck"
        prior.matrices[i].assign(GOLDEN[f"{scope}/matrix_{i}"])
        prior.biases[i].assign(GOLDEN[f"{scope}/bias_{i}"])
        if i < 3:
            prior.factors[i].assign(GOLDEN[f"{scope}/factor_{i}"])
    prior.medians.assign(GOLDEN["eb/medians"])
    return {**parts, "prior": prior}


def test_chain_from_image_to_image(parts):
    y = parts["analysis"](GOLDEN["x"])
    assert relative_error(y, GOLDEN["act/y"]) < 1e-5
    y_hat = np.round(y)
    np.testing.assert_array_equal(y_hat, GOLDEN["act/y_hat"])
    z = parts["hyper_analysis"](y)
    assert relative_error(z, GOLDEN["act/z"]) < 1e-5
    z_tilde, likelihoods = parts["prior"](z, training=False)
    np.testing.assert_allclose(z_tilde, GOLDEN["act/z_tilde_call"], atol=1e-6)
    np.testing.assert_allclose(likelihoods, GOLDEN["act/z_likelihoods"], rtol=1e-3, atol=1e-7)
    phi = parts["hyper_synthesis"](z_tilde)
    assert relative_error(phi, GOLDEN["act/phi"]) < 1e-5
    mixture = parts["context"](phi, y_hat)
    assert relative_error(mixture.means, GOLDEN["act/means"]) < 1e-5
    assert relative_error(mixture.scales, GOLDEN["act/scales"]) < 1e-5
    assert relative_error(mixture.weights, GOLDEN["act/probs"]) < 1e-5
    assert relative_error(mixture.likelihood(y_hat), GOLDEN["train/yhat/likelihoods"]) < 5e-5
    x_hat = parts["synthesis"](y_hat)
    assert relative_error(x_hat, GOLDEN["act/x_hat"]) < 1e-5


def test_intermediate_activations(parts):
    x = GOLDEN["x"]
    names = {3: "NLAB_0", 4: "multiply_residual_block2", 6: "multiply_residual_block3"}
    for i, layer in enumerate(parts["analysis"].trunk):
        x = layer(x)
        if i in names:
            assert relative_error(x, GOLDEN[f"act/analysis/{names[i]}"]) < 1e-5
    x = GOLDEN["act/y_hat"]
    names = {0: "NLAB_0", 3: "NLAB_1", 4: "multiply_residual_block2"}
    for i, layer in enumerate(parts["synthesis"].trunk):
        x = layer(x)
        if i in names:
            assert relative_error(x, GOLDEN[f"act/synthesis/{names[i]}"]) < 2e-5
