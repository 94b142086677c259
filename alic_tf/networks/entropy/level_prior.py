"""Factorized prior of a latent of few levels: how often each of them occurs, per channel."""

import keras
import numpy as np
from keras import ops

# A training step moves the frequencies by this part towards those of its batch.
PACE = 2.0**-8
# Of a level that never occurs.
LEAST = 1e-6


@keras.saving.register_keras_serializable(package="alic_tf")
class LevelPrior(keras.layers.Layer):
    """Frequencies of the whole numbers from 0 on, which training counts.

    A latent that is limited at both ends has many samples there, for which the smooth
    distributions of `DeepFactorized` have no room.

    Args:
        channels: number of channels C.
        levels: number of levels L.

    Call:
        z: float tensor [..., C].
        training: with True, noise U(-1/2, 1/2) stands for rounding, and the frequencies are
            moved towards those of the rounded z; else z is rounded.

    Returns:
        (z_tilde, likelihoods), both shaped as z. Between two levels, likelihoods are interpolated.
    """

    def __init__(self, channels, levels, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.channels, self.levels = channels, levels
        self.seed_generator = keras.random.SeedGenerator(2)

    def build(self, input_shape=None):
        # Workers that train together take the mean of what they count.
        options = {"trainable": False, "aggregation": "mean"}
        self.frequencies = self.add_weight(
            name="frequencies", shape=(self.channels, self.levels), **options,
            initializer=keras.initializers.Constant(1 / self.levels),
        )  # fmt: skip
        self.medians = self.add_weight(
            name="medians", shape=(self.channels,), initializer="zeros", **options
        )
        self.built = True

    def _places(self, levels):
        """Places in the flattened frequencies of whole numbers [..., C]; all are brought inside."""
        inside = ops.cast(ops.clip(levels, 0, self.levels - 1), "int32")
        return inside + np.arange(self.channels, dtype="int32") * self.levels

    def probabilities(self):
        """Of all levels, [C, L]."""
        frequencies = ops.maximum(self.frequencies, LEAST)
        return frequencies / ops.sum(frequencies, axis=1, keepdims=True)

    def likelihood(self, values):
        """Probability of the unit bin around each value, [..., C] -> [..., C]."""
        below = ops.floor(values)
        flat = ops.reshape(self.probabilities(), (-1,))
        low, high = (ops.take(flat, self._places(levels)) for levels in (below, below + 1))
        return low + (values - below) * (high - low)

    def round(self, values):
        """The nearest whole numbers."""
        return ops.floor(values + 0.5)

    def call(self, z, training=False):
        z = ops.cast(z, "float32")
        rounded = self.round(z)
        if not training:
            return rounded, self.likelihood(rounded)
        places = ops.reshape(self._places(rounded), (-1,))
        counts = ops.segment_sum(
            ops.ones_like(places, "float32"), places, self.channels * self.levels
        )
        batch = ops.reshape(counts, (self.channels, self.levels))
        batch = batch / ops.sum(batch, axis=1, keepdims=True)
        self.frequencies.assign(self.frequencies + PACE * (batch - self.frequencies))
        noise = keras.random.uniform(ops.shape(z), -0.5, 0.5, seed=self.seed_generator)
        return z + noise, self.likelihood(z + noise)

    def cumulative(self, values):
        """Probability to be at most each value, whole ones and halves, [C, n] (numpy)."""
        sums = np.cumsum(np.asarray(self.probabilities(), "float64"), axis=1)
        sums = np.pad(sums / sums[:, -1:], ((0, 0), (1, 0)))
        places = np.clip(np.floor(values).astype("int64") + 1, 0, self.levels)
        return np.take_along_axis(sums, places, axis=1)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels, "levels": self.levels}
