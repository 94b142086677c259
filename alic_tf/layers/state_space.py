"""Diagonal state-space model over the two axes of an image."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="alic_tf")
class StateSpace(keras.layers.Layer):
    """Bidirectional diagonal state-space model along rows and columns, per channel.

    The recurrence h[t+1] = a h[t] + b x[t], out[t] = c . h[t] of a diagonal model is a long
    depthwise convolution with taps k[t] = sum_s w_s exp(-r_s t). One kernel looks in each of the
    four directions; the position itself is left out. Taps beyond `reach` are cut, so that the
    integer version of the layer is a finite convolution.

    Args:
        states: number of states per channel and direction.
        reach: number of taps in each direction.

    Call:
        x: float tensor [b, h, w, C]. Returns the same shape: the sum over the four directions.

    Source: S4D, Gu et al. 2022 (arXiv 2206.11893), real-valued.
    """

    def __init__(self, states=4, reach=32, **kwargs):
        super().__init__(**kwargs)
        self.states = states
        self.reach = reach

    def build(self, input_shape):
        channels = input_shape[-1]
        shape = (4, channels, self.states)
        rates = np.log(np.geomspace(0.05, 1.5, self.states))
        self.log_rates = self.add_weight(
            name="log_rates",
            shape=shape,
            initializer=lambda shape, dtype: ops.cast(np.broadcast_to(rates, shape), dtype),
        )
        self.outputs = self.add_weight(
            name="outputs", shape=shape, initializer=keras.initializers.RandomNormal(stddev=0.05)
        )
        self.built = True

    def taps(self):
        """Kernels of the two axes, (rows [C, 2 reach + 1], columns [C, 2 reach + 1])."""
        rates = ops.exp(ops.cast(self.log_rates, "float32"))
        t = ops.arange(1, self.reach + 1, dtype="float32")
        decay = ops.exp(-rates[..., None] * t)
        sides = ops.sum(ops.cast(self.outputs, "float32")[..., None] * decay, axis=2)
        center = ops.zeros_like(sides[0, :, :1])
        return tuple(
            ops.concatenate([ops.flip(sides[i], -1), center, sides[i + 1]], -1) for i in (0, 2)
        )

    def call(self, x):
        rows, columns = (ops.cast(taps, x.dtype) for taps in self.taps())
        along_rows = ops.einsum("bhjc,cij->bhic", x, self._toeplitz(rows, ops.shape(x)[2]))
        along_columns = ops.einsum("bjwc,cij->biwc", x, self._toeplitz(columns, ops.shape(x)[1]))
        return along_rows + along_columns

    def _toeplitz(self, taps, size):
        """Matrices [C, size, size] of the convolutions: small images make matmuls cheapest."""
        position = ops.arange(size)
        offset = position[None, :] - position[:, None] + self.reach
        inside = ops.cast((offset >= 0) & (offset <= 2 * self.reach), taps.dtype)
        return ops.take(taps, ops.clip(offset, 0, 2 * self.reach), axis=1) * inside

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "states": self.states, "reach": self.reach}
