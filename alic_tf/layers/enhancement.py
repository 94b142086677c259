"""Feature enhancement of pictures by densely connected convolutions."""

import keras
from keras import ops

from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply


@keras.saving.register_keras_serializable(package="alic_tf")
class DenseBlock(keras.layers.Layer):
    """Five 3x3 convolutions, each of which sees the input and the output of all before it.

    LeakyReLU follows all but the last (Xie et al., *Enhanced Invertible Encoding for Learned Image
    Compression*, arXiv 2108.03690, after Huang et al., arXiv 1608.06993).

    Args:
        filters: output channels.
        growth: output channels of the first four convolutions.
    """

    def __init__(self, filters, growth=32, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.growth = filters, growth
        options = {"dtype": self.dtype_policy}
        self.convolutions = [
            *(SignalConvolution(growth, 3, activation="leaky_relu", **options) for _ in range(4)),
            SignalConvolution(filters, 3, **options),
        ]

    def build(self, input_shape):
        for i, layer in enumerate(self.convolutions):
            layer.build((*input_shape[:-1], input_shape[-1] + i * self.growth))

    def call(self, x):
        *growing, last = self.convolutions
        for layer in growing:
            x = ops.concatenate([x, layer(x)], axis=-1)
        return last(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "growth": self.growth}


@keras.saving.register_keras_serializable(package="alic_tf")
class Enhancement(keras.layers.Layer):
    """x + 0.2 dense(1x1 3x3 1x1 dense(x)), initially x.

    Xie et al., arXiv 2108.03690, figure 3.

    Args:
        width: channels between the two dense blocks.
        growth: see `DenseBlock`.

    Keeps shape (batch, height, width, channels) and dtype.
    """

    def __init__(self, width=64, growth=32, **kwargs):
        super().__init__(**kwargs)
        self.width, self.growth = width, growth

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        self.stages = [
            DenseBlock(self.width, self.growth, **options),
            *(SignalConvolution(self.width, size, **options) for size in (1, 3, 1)),
            DenseBlock(input_shape[-1], self.growth, **options),
        ]
        build_sequence(self.stages, input_shape)
        last = self.stages[-1].convolutions[-1].kernel
        last.assign(ops.zeros(last.shape))

    def call(self, x):
        return x + 0.2 * apply(self.stages, x)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "width": self.width, "growth": self.growth}
