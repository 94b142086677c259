"""Attention by a learned gate (simplified non-local attention)."""

import keras
from keras import ops

from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.residual import ResidualBlock
from alic_tf.layers.sequence import apply_sequence, build_sequence


@keras.saving.register_keras_serializable(package="alic_tf")
class NonLocalAttention(keras.layers.Layer):
    """x + trunk(x) * sigmoid(1x1 gate(x)), trunk and gate each being three residual blocks.

    The attention module of Cheng et al. (arXiv 2001.01568) that Fu et al. (arXiv 2206.10618,
    figure 2) take over: the non-local block of earlier work without its matrix product.

    Args:
        filters: channels of input and output, at least 2.
        activation: see `ResidualBlock`.
    """

    def __init__(self, filters, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.activation = activation
        options = {"activation": activation, "dtype": self.dtype_policy}
        self.trunk = [ResidualBlock(filters, **options) for _ in range(3)]
        self.gate = [ResidualBlock(filters, **options) for _ in range(3)]
        self.gate.append(SignalConvolution(filters, 1, dtype=self.dtype_policy))

    def build(self, input_shape):
        build_sequence(self.trunk, input_shape)
        build_sequence(self.gate, input_shape)

    def call(self, x):
        return x + apply_sequence(self.trunk, x) * ops.sigmoid(apply_sequence(self.gate, x))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "activation": self.activation}
