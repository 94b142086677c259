"""A block more in a context network is one edit: integers and TensorFlow's operations follow."""

import numpy as np
import pytest
import tensorflow as tf

from alic_tf.bitstream.quality_steps import quality_of_step
from alic_tf.integer.fixed_point import dequantize
from alic_tf.integer.parallel import ExactParallelModel
from alic_tf.layers.residual import ResidualBlock, ResidualPair
from alic_tf.networks import to_integer
from alic_tf.networks.entropy import parallel
from alic_tf.serving.parallel import ParallelModel
from tests.integer.random_model import all_means, completed_parts
from tests.tiny_models import tiny_dwan

STEP = 20


class Deeper(parallel.PassParameters):
    """The edit: a residual unit in the head, and one around each position."""

    def __init__(self, outputs, width, known, state_space, **kwargs):
        super().__init__(outputs, width, known, state_space, **kwargs)
        self.head.insert(1, ResidualBlock(width, 1, activation="relu"))
        if known:
            self.local = [self.local, ResidualPair(width // 2)]


@pytest.fixture(scope="module")
def models():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "PassParameters", Deeper)
        model = tiny_dwan()
    return model, to_integer.exact_model(model).at(STEP)


def test_floats_integers_and_tensorflow_agree(models):
    model, exact = models
    rng = np.random.default_rng(0)
    y = rng.laplace(size=(12, 16, 16)) * dequantize(exact.qualities.units[STEP]) / 16
    z = np.rint(rng.normal(size=(3, 4, 4)) * 4).astype("int64")
    payload, y_hat, lanes = exact.encode(y, z)
    arrays = exact.arrays()
    assert "pass_3/head_1/residual_block/convolutions/sequence/0/convolution/kernel" in arrays
    assert "pass_1/local/1/residual_pair/convolutions/sequence/0/convolution/kernel" in arrays
    expected = to_integer.declared(model)
    assert arrays.keys() == expected.keys()
    assert all(expected[name].allows(array) for name, array in arrays.items())
    again = ExactParallelModel.from_arrays(arrays).at(STEP)
    np.testing.assert_array_equal(again.decode(payload, 12, 16, lanes)[0], y_hat)

    served = ParallelModel(exact)
    data, step = tf.constant(list(payload), tf.int64), tf.constant(STEP, tf.int64)
    _, strings = served.find(data, tf.constant(lanes, tf.int64), 12, 16)
    latent, _ = served.decode(data, strings, step, 12, 16)
    np.testing.assert_array_equal(dequantize(latent), y_hat)

    knots = model.knots(np.array([quality_of_step(STEP)], "float32"))
    z_hat = (z + np.asarray(model.entropy.prior.medians)).astype("float32")[None]
    mean, _, _ = model.entropy.context(
        y_hat[None], model.entropy.hyper_output(z_hat, knots), model.transform.unit(knots))
    unit = dequantize(exact.qualities.units[STEP]) / 16
    means = all_means((part for part, _ in completed_parts(exact, y_hat, z)), y.size)
    error = dequantize(means).reshape(y.shape) - np.asarray(mean)[0]
    assert np.max(np.abs(error) / unit) < 0.01
