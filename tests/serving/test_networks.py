"""Integer networks and mixtures in TensorFlow operations against those in numpy."""

import numpy as np
import pytest
import tensorflow as tf

from alic_tf.integer.fixed_point import FixedPointConvolution
from alic_tf.integer.mixture import MIXTURES, IntegerMixture
from alic_tf.integer.scan import FixedPointScan
from alic_tf.integer.tables import IntegerTables
from alic_tf.networks.to_integer import converted
from alic_tf.serving.mixture import Mixture, Tables
from alic_tf.serving.networks import Convolution, Scan, served
from tests.integer.test_layers import LAYERS, trained


def activations(rng, *shape):
    """Integers up to the limits of activations."""
    return np.rint(rng.choice([-1, 1], shape) * 2 ** rng.uniform(0, 24, shape)).clip(
        -(2**24) + 1, 2**24 - 1)


@pytest.mark.parametrize("options", [
    {"activation": "relu"}, {"strides": 2, "activation": "leaky_relu"},
    {"strides": 2, "flip": True}, {"upsample": 2, "flip": True},
    {"upsample": 3, "activation": "leaky_relu_0.01"}])
@pytest.mark.parametrize("size", [1, 3, 4, 5])
def test_convolutions(options, size):
    rng = np.random.default_rng(size)
    exact = FixedPointConvolution.from_float(
        rng.normal(size=(size, size, 6, 5)), rng.normal(size=5), **options)
    layer = Convolution(exact)
    for sides in ((1, 1), (5, 8)):
        x = activations(rng, 2, *sides, 6)
        np.testing.assert_array_equal(layer(x).numpy(), exact(x))


@pytest.mark.parametrize("make", LAYERS)
def test_layers(make):
    """In a graph, whose optimizer may change the order of operations."""
    exact = converted(trained(make))
    layer = tf.function(served(exact), input_signature=[
        tf.TensorSpec([None, None, None, 16], tf.float64)])
    rng = np.random.default_rng(2)
    usual = np.rint(rng.normal(size=(2, 6, 10, 16)) * 3 * 4096)
    for x in (usual, activations(rng, 1, 4, 7, 16)):
        np.testing.assert_array_equal(layer(x).numpy(), exact(x))


def test_products_of_rows():
    rng = np.random.default_rng(0)
    exact = FixedPointConvolution.from_float(
        rng.normal(size=(1, 1, 6, 5)), rng.normal(size=5), activation="leaky_relu")
    x = activations(rng, 7, 6)
    np.testing.assert_array_equal(Convolution(exact)(x).numpy(), exact(x))


def test_scans():
    rng = np.random.default_rng(0)
    exact = FixedPointScan.from_float(rng.normal(size=(4, 9)), rng.normal(size=(4, 9)))
    x = activations(rng, 2, 3, 21, 4)
    np.testing.assert_array_equal(Scan(exact)(x).numpy(), exact(x))


@pytest.mark.parametrize("kind", MIXTURES)
def test_mixtures(kind):
    rng = np.random.default_rng(0)
    tables = IntegerTables.generate()
    channels = {"gaussian": 2, "gmm": 9, "gllmm": 30}[kind]
    parameters = activations(rng, channels, 3000).astype("int64")
    if kind != "gaussian":
        # Of equally heavy components the first counts.
        parameters[3, :1000] = parameters[0, :1000]
    expected = IntegerMixture.from_parameters(kind, parameters, tables)
    mixture = Mixture.from_parameters(kind, parameters, Tables(tables))
    centre = expected.centre().astype("int64")
    np.testing.assert_array_equal(mixture.centre().numpy(), centre)
    np.testing.assert_array_equal(mixture.total().numpy(), expected.total)
    for k in (centre - 1, centre, centre + 7, rng.integers(-(2**15), 2**15, len(centre))):
        np.testing.assert_array_equal(mixture.cdf(k).numpy(), expected.cdf(k))


def test_levels_of_logarithms():
    tables = IntegerTables.generate()
    log2_scales = np.arange(-9 << 12, 11 << 12, 13)
    np.testing.assert_array_equal(
        Tables(tables).levels_of_log2(log2_scales).numpy(), tables.levels_of_log2(log2_scales))
