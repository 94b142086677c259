"""The whole model of ICWEM against the numbers of its public PyTorch code.

Its 35 million weights follow from their names by a recipe (`recipe`), with which the reference was
computed too; the sums of each tell whether they are the same.
"""

import zlib

import numpy as np
import pytest

from alic_tf.networks.compression_model import CompressionModel
from alic_tf.networks.entropy.distributions import log_interval
from tests import golden, icwem_weights
from tests.layers.torch_golden import channels_last

CONFIGURATION = {
    "transform": {"kind": "invertible", "filters": 32},
    "entropy": {"context": "channel", "filters": 32},
    "lambdas": [0.05],
}


def recipe(kind, name, shape):
    """The weight of a name: random numbers in the manner of its kind."""
    seed = zlib.crc32(f"icwem.{name}".encode()) & 0x7FFFFFFF
    n = np.random.RandomState(seed).standard_normal(shape)
    return {
        0: lambda: n / np.sqrt(np.prod(shape[1:])),
        1: lambda: 1 + 0.1 * n,
        2: lambda: np.linalg.qr(n)[0],
        3: lambda: 0.2 * n,
        7: lambda: 0.05 * n,
        8: lambda: 2 + 0.05 * n,
    }[kind]().astype("float32")


@pytest.fixture(scope="module")
def data():
    return golden.load_large("icwem_model_torch")


@pytest.fixture(scope="module")
def state(data):
    """Function from a name to its weight."""
    rows = {name: i for i, name in enumerate(data["param_names"])}
    shapes = [tuple(int(n) for n in text.strip("(), ").split(",")) for text in
              data["param_shapes"]]

    def weight(name):
        row = rows[name]
        value = data.get(f"state/{name}")
        if value is None:
            value = recipe(data["param_kind"][row], name, shapes[row]) * data["param_scale"][row]
        sums = [value.sum(dtype="float64"), np.abs(value).sum(dtype="float64")]
        np.testing.assert_allclose(sums, data["param_sum_abssum_float64"][row], rtol=1e-6,
                                   atol=1e-6)
        used.add(name)
        return value

    used = weight.used = set()
    return weight


@pytest.fixture(scope="module")
def model(data, state):
    model = CompressionModel(**CONFIGURATION)
    transform, entropy = model.transform, model.entropy
    icwem_weights.enhancement(transform.enhance, state, "enh.forw_enh.")
    icwem_weights.enhancement(transform.restore, state, "enh.back_enh.")
    icwem_weights.invertible(transform.invertible, state, "inv.")
    for layers, name in ((transform.analysis, "g_a"), (transform.synthesis, "g_s"),
                         (entropy.hyper_analysis, "h_a"), (entropy.mean_synthesis, "h_mean_s"),
                         (entropy.scale_synthesis, "h_scale_s")):
        icwem_weights.chain(layers, state, name)
    for i, layer in enumerate(entropy.context.slices):
        icwem_weights.swin_attention(layer.mean_support, state, f"atten_mean.{i}.0.")
        icwem_weights.swin_attention(layer.scale_support, state, f"atten_scale.{i}.0.")
        for part, name in ((layer.mean, "cc_mean"), (layer.scale, "cc_scale"),
                           (layer.residual, "lrp")):
            for j, convolution in enumerate(part):
                icwem_weights.convolution(convolution, state, f"{name}_transforms.{i}.{2 * j}")
    prior, name = entropy.prior, "entropy_bottleneck."
    for i, (matrix, bias) in enumerate(zip(prior.matrices, prior.biases)):
        matrix.assign(state(f"{name}matrices.{i}"))
        bias.assign(state(f"{name}biases.{i}"))
    for i, factor in enumerate(prior.factors):
        factor.assign(state(f"{name}factors.{i}"))
    prior.medians.assign(state(f"{name}quantiles")[:, 0, 1])
    return model


@pytest.fixture(scope="module")
def latent(data, model):
    image = channels_last(data["input"])
    return model.transform.analyze(image, None)[0]


def test_every_weight_is_used_once(data, model, state):
    assert state.used == set(data["param_names"])
    weights = sum(np.prod(v.shape) for v in model.trainable_variables)
    quantiles = 3 * len(data["state/entropy_bottleneck.quantiles"])
    sizes = [np.prod([int(n) for n in s.strip("(), ").split(",")]) for s in data["param_shapes"]]
    assert weights == sum(sizes) - quantiles


def near(actual, expected, error=1e-4):
    assert golden.relative_error(actual, channels_last(expected)) < error


def test_latents_equal_the_original(data, model, latent):
    enhanced = model.transform.invertible(model.transform.enhance(channels_last(data["input"])))
    near(enhanced, data["g_a_func_out"])
    near(latent, data["y"])
    near(model.entropy.hyper_latent(latent), data["z"])


def test_distributions_equal_the_original(data, model):
    """Of the original's own latent: rounding would turn the smallest difference into one of 1."""
    entropy = model.entropy
    z_hat, likelihood = entropy.prior(channels_last(data["z"]))
    near(z_hat, data["z_hat"], 1e-6)
    near(likelihood, data["z_likelihoods"])
    features = entropy.features(z_hat)
    near(features[0], data["latent_means"])
    near(features[1], data["latent_scales"])
    y = channels_last(data["y"])
    means, scales, _, latent_hat = entropy.context(y, features)
    near(means, data["means"])
    near(scales, np.maximum(data["scales"], 0.11))
    mass = np.exp(log_interval("gaussian", np.rint(y - means), scales))
    assert np.abs(np.maximum(mass, 1e-9) - channels_last(data["y_likelihoods"])).max() < 1e-4
    near(model.transform.synthesize(latent_hat, None)[0], data["x_hat"])
