"""Blocks that look at a neighbourhood by convolutions and at a window by attention."""

import keras
from keras import ops

from alic_tf import topology
from alic_tf.layers import arithmetic
from alic_tf.layers.attention import NonLocalAttention
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.residual import ResidualPair
from alic_tf.layers.sequence import build_sequence
from alic_tf.layers.swin import SwinBlock


@keras.saving.register_keras_serializable(package="alic_tf")
class ConvTransformerBlock(keras.layers.Layer):
    """x + 1x1 [c + pair(c), swin(t)] with [c, t] = 1x1 x, in halves of the channels.

    The parallel transformer-CNN mixture block of Liu et al. (arXiv 2303.14978, figure 3). It starts
    as the identity, so that many of them do not make activations grow.

    Args:
        filters: channels of input and output, even.
        head_dim, window, shifted: see `WindowAttention`.
    """

    def __init__(self, filters, head_dim, window=8, shifted=False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.switches = {"head_dim": head_dim, "window": window, "shifted": shifted}
        options = {"dtype": self.dtype_policy}
        self.split = SignalConvolution(filters, 1, **options)
        self.pair = ResidualPair(filters // 2, **options)
        self.swin = SwinBlock(head_dim, window, shifted, **options)
        self.fusion = SignalConvolution(filters, 1, **options)

    def build(self, input_shape):
        half = (*input_shape[:-1], self.filters // 2)
        for layer, shape in ((self.split, input_shape), (self.pair, half), (self.swin, half),
                             (self.fusion, input_shape)):
            layer.build(shape)
        self.fusion.kernel.assign(ops.zeros(self.fusion.kernel.shape))

    def call(self, x):
        return topology.conv_transformer(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, **self.switches}


@keras.saving.register_keras_serializable(package="alic_tf")
class WindowedNonLocalAttention(NonLocalAttention):
    """`NonLocalAttention` whose gate begins with two Swin blocks, the second one shifted.

    Args:
        filters: channels of input and output.
        head_dim, window: see `WindowAttention`.
    """

    def __init__(self, filters, head_dim, window=8, **kwargs):
        super().__init__(filters, activation="relu", **kwargs)
        self.head_dim, self.window = head_dim, window
        self.gate = [*(SwinBlock(head_dim, window, shifted, dtype=self.dtype_policy)
                       for shifted in (False, True)), *self.gate]

    def get_config(self):
        config = super().get_config()
        del config["activation"]
        return {**config, "head_dim": self.head_dim, "window": self.window}


@keras.saving.register_keras_serializable(package="alic_tf")
class SwinAttention(keras.layers.Layer):
    """`WindowedNonLocalAttention` at a smaller width, between 1x1 convolutions: SWAtten.

    Liu et al., arXiv 2303.14978, figure 4.

    Args:
        width: channels inside.
        head_dim, window: see `WindowAttention`.

    Keeps shape (batch, height, width, channels) and dtype.
    """

    def __init__(self, width, head_dim=16, window=8, **kwargs):
        super().__init__(**kwargs)
        self.width, self.head_dim, self.window = width, head_dim, window

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        self.stages = [
            SignalConvolution(self.width, 1, **options),
            WindowedNonLocalAttention(self.width, self.head_dim, self.window, **options),
            SignalConvolution(input_shape[-1], 1, **options),
        ]
        build_sequence(self.stages, input_shape)

    def call(self, x):
        return topology.stages(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "width": self.width, "head_dim": self.head_dim,
                "window": self.window}
