"""Residual networks with batch normalisation: ResNet, and blocks that double the resolution."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.sequence import apply_sequence, build_sequence

# Of keras.applications, for these numbers of blocks in each stage.
PRETRAINED = {(3, 4, 6, 3): "ResNet50", (3, 4, 23, 3): "ResNet101", (3, 8, 36, 3): "ResNet152"}
PRETRAINED_WIDTH = 64
EPSILON = 1.001e-5
# Of the blue, green and red levels of ImageNet, as keras.applications has them.
_MEANS = np.array([103.939, 116.779, 123.68], "float32")


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
        self.convolution = SignalConvolution(
            filters, kernel_size, strides, upsample, dtype=dtype
        )
        self.normalization = keras.layers.BatchNormalization(epsilon=EPSILON, dtype=dtype)

    def build(self, input_shape):
        build_sequence((self.convolution, self.normalization), input_shape)

    def call(self, x):
        x = self.normalization(self.convolution(x))
        return x if self.slope == 1 else ops.leaky_relu(x, self.slope)

    def compute_output_shape(self, input_shape):
        return self.convolution.compute_output_shape(input_shape)

    def get_config(self):
        convolution = self.convolution
        return {**super().get_config(), "filters": convolution.filters,
                "kernel_size": convolution.kernel_size, "strides": convolution.strides,
                "upsample": convolution.upsample, "slope": self.slope}
