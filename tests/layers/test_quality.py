"""Vectors that follow the quality."""

import keras
import numpy as np

from alic_tf.layers.quality import QualityVector, log_gains, quality_knots


def test_knots_interpolate_between_whole_qualities():
    knots = np.asarray(quality_knots(np.array([1, 2.25, 4, 3.5], "float32"), 4))
    np.testing.assert_allclose(
        knots, [[1, 0, 0, 0], [0, 0.75, 0.25, 0], [0, 0, 0, 1], [0, 0, 0.5, 0.5]], atol=1e-6)


def test_one_quality_has_one_knot():
    np.testing.assert_array_equal(quality_knots(np.ones(3, "float32"), 1), np.ones((3, 1)))


def test_vectors_are_those_of_the_table():
    vector = QualityVector(3, 5)
    vector.build()
    table = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    vector.table.assign(table)
    out = np.asarray(vector(quality_knots(np.array([1, 2.5, 3], "float32"), 3)))
    assert out.shape == (3, 1, 1, 5)
    expected = [table[0], (table[1] + table[2]) / 2, table[2]]
    np.testing.assert_allclose(out[:, 0, 0], expected, atol=1e-6)


def test_starts_at_its_initializer_and_survives_its_configuration():
    vector = QualityVector(2, 3, keras.initializers.Constant(0.5), name="gain")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(vector))
    again.build()
    np.testing.assert_array_equal(again.table, np.full((2, 3), 0.5))
    assert again.get_config() == vector.get_config()


def test_gains_undo_each_other_and_follow_the_root_of_lambda():
    gain, inverse = log_gains([0.01, 0.04, 0.09], 2, 0.04)
    for vector in (gain, inverse):
        vector.build()
    np.testing.assert_allclose(np.exp(gain.table), [[0.5, 0.5], [1, 1], [1.5, 1.5]], rtol=1e-6)
    np.testing.assert_array_equal(np.asarray(inverse.table), -np.asarray(gain.table))
