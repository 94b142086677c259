"""The exact model without context: bytes and back, and its agreement with the float prior."""

import numpy as np
import pytest

from alic_tf.integer.factorized import ExactFactorizedModel
from alic_tf.networks.entropy.factorized import FactorizedEntropyModel
from alic_tf.networks.to_integer import converted
from tests.integer.random_model import random_factorized_model


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (12, 17)])
def test_decodes_what_was_encoded(height, width, lanes):
    model = random_factorized_model(6)
    medians = model.prior.medians / 4096
    z = np.random.default_rng(0).integers(-2000, 2000, (height, width, 6))
    payload, y_hat, coded_lanes = model.encode(z + medians + 0.3, z)
    assert coded_lanes == lanes
    np.testing.assert_array_equal(y_hat, (z + medians).astype("float32"))
    again = ExactFactorizedModel.from_arrays(model.arrays())
    for decoder in (model, again):
        latent, hyper_latent = decoder.decode(payload, height, width, lanes)
        np.testing.assert_array_equal(latent, y_hat)
        np.testing.assert_array_equal(hyper_latent, z)


@pytest.mark.parametrize("lanes", [1], indirect=True)
def test_a_byte_for_each_block_of_positions_at_least(lanes):
    model = random_factorized_model(1)
    model.prior.rows = np.array([16, 0, 65530, 65536], "int32")
    model.prior.offsets, model.prior.escapes = np.zeros((2, 1), "int64") + [[0], [1]]
    z = np.zeros((9, 8, 1), "int64")
    payload, _, _ = model.encode(z, z)
    assert len(payload) == 3 * 2
    with pytest.raises(ValueError, match="too short"):
        model.decode(payload[:-1], 9, 8, lanes)


@pytest.fixture(scope="module")
def trained():
    """An entropy model with a prior that is not the initial one."""
    entropy = FactorizedEntropyModel(4)
    entropy.build()
    rng = np.random.default_rng(0)
    for variable in entropy.trainable_variables:
        variable.assign(variable + 0.3 * rng.normal(size=variable.shape))
    entropy.prior.center()
    return entropy


@pytest.mark.parametrize("lanes", [1], indirect=True)
def test_code_length_is_that_of_the_float_prior(trained, lanes):
    model = ExactFactorizedModel(converted(trained.prior))
    # Random bytes decode to a sample of the model.
    latent, z = model.decode(np.random.default_rng(1).bytes(9000), 40, 48, lanes)
    payload, y_hat, _ = model.encode(latent, z)
    np.testing.assert_array_equal(y_hat, latent)
    bits = float(trained.rate(latent[None], latent[None])[0])
    assert abs(8 * len(payload) / bits - 1) < 0.003
    out = trained(latent[None])
    np.testing.assert_allclose(out["bits"] + out["hyper_bits"], [bits], rtol=1e-5)
    np.testing.assert_allclose(out["latent_hat"], latent[None], atol=2**-11)


def test_noise_is_what_the_decoder_sees_in_training():
    latent = np.random.default_rng(0).normal(size=(2, 30, 30, 4)).astype("float32")
    for noise in ((-0.5, 0.5), (-0.5, 0.0)):
        entropy = FactorizedEntropyModel(4, noise=noise)
        seen = np.asarray(entropy(latent, training=True)["latent_hat"]) - latent
        assert noise[0] - 1e-5 < seen.min() < noise[0] + 0.01
        assert noise[1] - 0.01 < seen.max() < noise[1] + 1e-5
    for entropy in (FactorizedEntropyModel(4, noise=None), FactorizedEntropyModel(4)):
        training = entropy.noise is None
        np.testing.assert_array_equal(
            entropy(latent, training=training)["latent_hat"], np.round(latent))


@pytest.mark.parametrize("rate_gradient", [True, False])
def test_the_rate_may_leave_the_latent_alone(rate_gradient):
    import tensorflow as tf

    entropy = FactorizedEntropyModel(4, rate_gradient=rate_gradient)
    latent = tf.random.stateless_normal((1, 4, 4, 4), (1, 2))
    with tf.GradientTape() as tape:
        tape.watch(latent)
        out = entropy(latent, training=True)
        losses = tf.stack([tf.reduce_sum(out["bits"]), tf.reduce_sum(out["latent_hat"])])
    gradient = tape.jacobian(losses, [latent, *(v.value for v in entropy.trainable_variables)])
    of_bits, of_image = gradient[0]
    assert bool(np.any(of_bits)) is rate_gradient
    np.testing.assert_array_equal(of_image, np.ones((1, 4, 4, 4)))
    assert all(np.any(g[0]) for g in gradient[1:])
