"""Payloads of the masked model in TensorFlow operations against those in numpy.

The parallel model's are compared whole file by whole file, in test_servable.py.
"""

import numpy as np
import tensorflow as tf

from alic_tf.serving.masked import MaskedModel
from tests.integer.random_model import random_latents, random_masked_model

CHANNELS = 16
GRID = tf.TensorSpec([None, None, CHANNELS], tf.int64)
SCALAR, SIZE = tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.int32)


def test_masked_model():
    exact = random_masked_model("gllmm", CHANNELS)
    model = MaskedModel(exact)
    encode = tf.function(model.encode, autograph=False, input_signature=[GRID, GRID, SCALAR])

    @tf.function(autograph=False, input_signature=[
        tf.TensorSpec([None], tf.int64), SCALAR, SCALAR, SIZE, SIZE])
    def decode(payload, lanes, step, height, width):
        _, strings = model.find(payload, lanes, height, width)
        return model.decode(payload, strings, step, height, width)

    for size, dead in (((4, 4), ()), ((8, 12), (0, 7, 15)), ((4, 8), range(CHANNELS))):
        y, z = random_latents(CHANNELS, *size, dead=dead)
        z[0, 0, :2] = 4000, -32768  # far outside of the tables
        payload, y_hat, lanes = exact.encode(y, z)
        coded, coded_lanes = encode((4096 * y).astype("int64"), z, 0)
        assert bytes(coded.numpy().tolist()) == payload and coded_lanes == lanes
        latent, hyper = decode(list(payload), lanes, 0, *size)
        np.testing.assert_array_equal(latent.numpy() / 4096, y_hat)
        np.testing.assert_array_equal(hyper, z)
