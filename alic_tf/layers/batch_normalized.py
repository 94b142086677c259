"""Convolutions with batch normalisation, and the residual block of a decoder made of them."""

import keras
from keras import ops

from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply

# That of keras.applications.
EPSILON = 1.001e-5
# That of PyTorch, with which the quantized autoencoder was made.
MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="alic_tf")
class NormalizedConvolution(keras.layers.Layer):
    """Leaky ReLU of the batch normalisation of a `SignalConvolution`.

    Args:
        filters, kernel_size, strides, upsample: of the convolution.
        slope: of the activation below zero; 1 for none.
    """

    def __init__(self, filters, kernel_size, strides=1, upsample=1, slope=0.0, **kwargs):
        super().__init__(**kwargs)
        self.slope = slope
        dtype = self.dtype_policy
        self.convolution = SignalConvolution(filters, kernel_size, strides, upsample, dtype=dtype)
        self.normalization = keras.layers.BatchNormalization(
            momentum=MOMENTUM, epsilon=EPSILON, dtype=dtype
        )

    def build(self, input_shape):
        build_sequence((self.convolution, self.normalization), input_shape)

    def call(self, x):
        x = self.normalization(self.convolution(x))
        if self.slope == 0:
            return ops.relu(x)
        return x if self.slope == 1 else ops.leaky_relu(x, self.slope)

    def compute_output_shape(self, input_shape):
        return self.convolution.compute_output_shape(input_shape)

    def get_config(self):
        layer = self.convolution
        return {**super().get_config(), "filters": layer.filters, "kernel_size": layer.kernel_size,
                "strides": layer.strides, "upsample": layer.upsample, "slope": self.slope}


@keras.saving.register_keras_serializable(package="alic_tf")
class ResidualDoubling(keras.layers.Layer):
    """Two 3x3 convolutions, each normalised, beside a shortcut; the second may double the size.

    Decoder block of "Quantized Auto-Encoder-Based Image Compression" (S. Moi, M. Kumar,
    N. Singha, R. K. Tiwari): transposed convolutions in the trunk and on the shortcut.

    Args:
        filters: channels of the output; of the input too, unless the size is doubled.
        upsample: 1 or 2.
        slope: of the activations below zero.
    """

    def __init__(self, filters, upsample=1, slope=0.05, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.upsample, self.slope = filters, upsample, slope

    def build(self, input_shape):
        options = {"slope": self.slope, "dtype": self.dtype_policy}
        self.trunk = [
            NormalizedConvolution(input_shape[-1], 3, **options),
            NormalizedConvolution(self.filters, 3, upsample=self.upsample, **options),
        ]
        self.shortcut = []
        if self.upsample > 1:
            self.shortcut = [SignalConvolution(self.filters, 3, upsample=self.upsample,
                                               dtype=self.dtype_policy)]
        build_sequence(self.trunk, input_shape)
        build_sequence(self.shortcut, input_shape)

    def call(self, x):
        return apply(self.shortcut, x) + apply(self.trunk, x)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(n and n * self.upsample for n in input_shape[1:3]), self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "upsample": self.upsample,
                "slope": self.slope}
