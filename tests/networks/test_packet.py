"""The light transforms."""

import keras
import numpy as np
import pytest

from alic_tf.layers.convolution import space_to_depth
from alic_tf.layers.quality import quality_knots
from alic_tf.layers.wavelet import HaarPacket
from alic_tf.networks.initialization import blocks, karhunen_loeve
from alic_tf.networks.packet import (
    BANDS,
    BLOCK,
    HierarchicalStage,
    PacketAnalysis,
    PacketSynthesis,
    packet_matrix,
)
from alic_tf.networks.transform_pairs import PacketTransform

KNOTS = quality_knots(np.array([2.0], "float32"), 3)


def test_matrix_is_that_of_the_haar_packet():
    x = np.random.default_rng(0).normal(size=(2, 32, 24, 3)).astype("float32")
    np.testing.assert_allclose(
        np.asarray(space_to_depth(x, BLOCK)) @ packet_matrix(), HaarPacket(3)(x), atol=1e-5)


def test_matrix_is_orthonormal():
    matrix = packet_matrix()
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(BANDS), atol=1e-12)


def test_blocks_are_those_of_space_to_depth():
    x = np.random.default_rng(0).normal(size=(2, 8, 12, 5)).astype("float32")
    np.testing.assert_array_equal(blocks(x, 2), space_to_depth(x, 2))


def test_karhunen_loeve_transform():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(20, 48, 48, 3)).cumsum(1).cumsum(2)
    crops = np.clip(127.5 + 2 * (noise - noise.mean((1, 2), keepdims=True)), 0, 255)
    crops = crops.astype("uint8")
    basis, deviation, band_deviation = karhunen_loeve(crops, 40)
    assert basis.shape == (768, 40) and band_deviation.shape == (BANDS,)
    np.testing.assert_allclose(basis.T @ basis, np.eye(40), atol=1e-9)
    assert np.all(np.diff(deviation) <= 0)
    bands = blocks(crops - 127.5, BLOCK) @ packet_matrix()
    components = blocks(bands, 2).reshape(-1, 768) @ basis
    moment = components.T @ components / len(components)
    np.testing.assert_allclose(moment, np.diag(deviation**2), atol=1e-6 * moment.max())
    # An orthonormal transform keeps the energy.
    np.testing.assert_allclose(
        np.square(band_deviation).sum() / BANDS, np.square(crops - 127.5).mean(), rtol=1e-6)


@pytest.mark.parametrize("normalization", ["ln_prelu", "prelu"])
def test_stage_follows_the_quality(normalization):
    stage = HierarchicalStage(6, 2, 3, normalization)
    x = np.random.default_rng(0).normal(size=(1, 5, 4, 6)).astype("float32")
    stage.build(x.shape)
    np.testing.assert_array_equal(stage(x, KNOTS), x)  # new units are the identity
    for layer in stage.second:
        layer.kernel.assign(np.random.default_rng(1).normal(size=layer.kernel.shape))
    y = np.asarray(stage(x, KNOTS))
    other = np.asarray(stage(x, quality_knots(np.array([3.0], "float32"), 3)))
    np.testing.assert_array_equal(y, other)
    assert np.abs(y - x).max() > 0.01
    for vector in stage.weights_of_quality:
        vector.table.assign(np.arange(3, dtype="float32")[:, None] * np.ones(6, "float32"))
    lowest = stage(x, quality_knots(np.array([1.0], "float32"), 3))
    np.testing.assert_array_equal(lowest, x)
    assert np.abs(np.asarray(stage(x, KNOTS)) - x).max() > 0.01


@pytest.mark.parametrize("layer, shape, out", [
    (PacketAnalysis(8, 12, (1, 2), 3, "prelu"), (1, 64, 32, 3), (1, 4, 2, 12)),
    (PacketSynthesis(8, 12, (1,), 3, "prelu"), (1, 4, 2, 12), (1, 64, 32, 3))])
def test_shapes_and_configuration(layer, shape, out):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    layer.build()
    again.build()
    again.set_weights(layer.get_weights())
    x = np.random.default_rng(0).uniform(size=shape).astype("float32")
    results = [network(x, KNOTS) for network in (layer, again)]
    if isinstance(layer, PacketSynthesis):
        assert results[0][1].shape == shape
        results = [image for image, _ in results]
    assert results[0].shape == out
    np.testing.assert_array_equal(*results)


def test_the_linear_path_sees_no_rounded_numbers_in_mixed_precision():
    """Keras' autocasting rounds neither image nor latent to 8 bits on the way to it.

    An attention of 1 and the nonlinear path, which starts at zero, leave the linear path alone.
    """
    rng = np.random.default_rng(0)
    image = rng.uniform(size=(1, 64, 64, 3)).astype("float32")
    latent = rng.normal(0, 100, size=(1, 4, 4, 16)).astype("float32")
    arguments = {"lambdas": (0.01, 0.02), "filters": 8, "latents": 16, "analysis_units": (1,),
                 "synthesis_units": (1,)}
    exact, mixed = (PacketTransform(**arguments, dtype=dtype)
                    for dtype in ("float32", "mixed_bfloat16"))
    for pair in (exact, mixed):
        pair.build()
        pair.analysis.importance.minimum = pair.synthesis.refinement.minimum = 1.0
    mixed.set_weights(exact.get_weights())
    knots = np.array([[1.0, 0.0]], "float32")
    for function, x in (("analyze", image), ("synthesize", latent)):
        expected, found = (np.asarray(getattr(pair, function)(x, knots)[0])
                           for pair in (exact, mixed))
        assert np.abs(expected).mean() > 0.1
        np.testing.assert_array_equal(found, expected)
