"""Attention by a learned gate (simplified non-local attention), and by a mask alone."""

import keras
from keras import ops

from alic_tf import topology
from alic_tf.layers import arithmetic
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.residual import ResidualBlock
from alic_tf.layers.sequence import build_sequence


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
        return topology.non_local(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "activation": self.activation}


@keras.saving.register_keras_serializable(package="alic_tf")
class MaskAttention(keras.layers.Layer):
    """x + x * sigmoid(3x3 x): attention whose mask is a single convolution.

    The simplified module of "Learned Image Compression using Autoencoder Architecture"
    (M. Ashraf, github.com/MahmoudAshraf97/AutoencoderCompression).

    Args:
        filters: channels of input and output.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.mask = SignalConvolution(filters, 3, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.mask.build(input_shape)

    def call(self, x):
        return x + x * ops.sigmoid(self.mask(x))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
