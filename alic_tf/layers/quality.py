"""Vectors that follow the quality: one network for all rates."""

import keras
import numpy as np
from keras import ops


def quality_knots(quality, qualities):
    """Weights of linear interpolation between whole qualities.

    Args:
        quality: float tensor [b], each in 1..qualities.
        qualities: number of whole qualities Q.

    Returns:
        float32 tensor [b, Q]; each row sums to 1 and has at most two entries.
    """
    steps = ops.expand_dims(ops.cast(quality, "float32"), -1) - ops.arange(
        1, qualities + 1, dtype="float32"
    )
    return ops.relu(1.0 - ops.abs(steps))


@keras.saving.register_keras_serializable(package="alic_tf")
class QualityVector(keras.layers.Layer):
    """A trainable vector per whole quality, linearly interpolated between them.

    Args:
        qualities: number of whole qualities Q.
        channels: length C of the vector.
        initializer: of the [Q, C] table.

    Call:
        knots: float tensor [b, Q] from `quality_knots`. Returns float32 [b, 1, 1, C].

    Source: variable rate by gain vectors, Cui et al. 2021 (arXiv 2003.02012), with
    interpolation in the domain of the table.
    """

    def __init__(self, qualities, channels, initializer="zeros", **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.qualities = qualities
        self.channels = channels
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape=None):
        self.table = self.add_weight(
            name="table", shape=(self.qualities, self.channels), initializer=self.initializer
        )
        self.built = True

    def call(self, knots):
        return ops.matmul(ops.cast(knots, "float32"), self.table)[:, None, None, :]

    def get_config(self):
        return {
            **super().get_config(),
            "qualities": self.qualities,
            "channels": self.channels,
            "initializer": keras.initializers.serialize(self.initializer),
        }


def log_gains(lambdas, channels, reference):
    """Logarithms of the gains of a latent for each whole quality, and of those that undo them.

    They start at sqrt(lambda / reference) and its inverse: the best quantization step of a
    transform codec is in proportion to 1 / sqrt(lambda).

    Args:
        lambdas: lambda of each whole quality.
        channels: of the latent.
        reference: the lambda whose gain is 1.

    Returns:
        two `QualityVector`s.
    """
    start = 0.5 * np.log(np.array(lambdas) / reference)

    def table(sign):
        return lambda shape, dtype=None: ops.cast(
            np.broadcast_to(sign * start[:, None], shape), dtype
        )

    names = {"log_gain": 1, "log_inverse_gain": -1}
    return [QualityVector(len(lambdas), channels, table(sign), name=name)
            for name, sign in names.items()]
