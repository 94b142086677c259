"""Residual blocks of the paper: the bottleneck and the multi-scale residual block."""

import keras
from keras import ops

from alic_tf import topology
from alic_tf.layers import arithmetic
from alic_tf.layers.block import Block
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.normalization import make_normalization
from alic_tf.layers.sequence import build_sequence


@keras.saving.register_keras_serializable(package="alic_tf")
class ResidualBlock(keras.layers.Layer):
    """Bottleneck x + W3 relu(W2 relu(W1 x)): 1x1 to half the channels, k x k, 1x1 back.

    Fu et al., arXiv 2206.10618, figure 3 (b).

    Args:
        filters: channels of input and output, at least 2.
        kernel_size: taps k of the middle convolution.
        activation: of the sum; none in the paper, "relu" in Cheng et al. (arXiv 2001.01568).

    Raises:
        ValueError: another activation.
    """

    def __init__(self, filters, kernel_size=3, activation=None, **kwargs):
        super().__init__(**kwargs)
        if activation not in (None, "relu"):
            raise ValueError(f"activation must be None or 'relu', not {activation!r}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.activation = activation
        half, dtype = filters // 2, self.dtype_policy
        self.convolutions = [
            SignalConvolution(half, 1, activation="relu", dtype=dtype),
            SignalConvolution(half, kernel_size, activation="relu", dtype=dtype),
            SignalConvolution(filters, 1, dtype=dtype),
        ]

    def build(self, input_shape):
        build_sequence(self.convolutions, input_shape)

    def call(self, x):
        rectified = self.activation == "relu"
        block = topology.rectified_residual if rectified else topology.residual
        return block(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size,
                "activation": self.activation}


@keras.saving.register_keras_serializable(package="alic_tf")
class ResidualPair(keras.layers.Layer):
    """x + leaky(3x3 leaky(3x3 x)), the residual block of Cheng et al. (arXiv 2001.01568).

    Args:
        filters: channels of input and output.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.convolutions = [
            SignalConvolution(filters, 3, activation="leaky_relu_0.01", dtype=self.dtype_policy)
            for _ in range(2)
        ]

    def build(self, input_shape):
        build_sequence(self.convolutions, input_shape)

    def call(self, x):
        return topology.residual(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@keras.saving.register_keras_serializable(package="alic_tf")
class MSRB(Block):
    """Multi-scale residual block: two rounds of 3x3 and 5x5 branches that exchange features.

    a = RB3(x), b = RB5(x);  p = norm(1x1 [a, b]), s = norm(1x1 [b, a]);
    y = x + 1x1 [RB3(p), RB5(s)].  Fu et al., arXiv 2206.10618, figure 3 (a).

    Args:
        filters: channels of input and output, at least 2.
        normalization: "gdn" (the paper) or "ln_prelu" (its light successor).

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, normalization="gdn", **kwargs):
        super().__init__(filters, normalization, **kwargs)
        dtype = self.dtype_policy
        self.branches = [ResidualBlock(filters, k, dtype=dtype) for k in (3, 5, 3, 5)]
        self.exchanges = [SignalConvolution(filters, 1, dtype=dtype) for _ in range(2)]
        self.norms = [make_normalization(normalization, dtype=dtype) for _ in range(2)]
        self.fusion = SignalConvolution(filters, 1, dtype=dtype)

    def build(self, input_shape):
        both = (*input_shape[:-1], 2 * self.filters)
        for layer in (*self.branches, *self.norms):
            layer.build(input_shape)
        for layer in (*self.exchanges, self.fusion):
            layer.build(both)

    def call(self, x):
        first3, first5, second3, second5 = self.branches
        a, b = first3(x), first5(x)
        p = self.norms[0](self.exchanges[0](ops.concatenate([a, b], axis=-1)))
        s = self.norms[1](self.exchanges[1](ops.concatenate([b, a], axis=-1)))
        return x + self.fusion(ops.concatenate([second3(p), second5(s)], axis=-1))

    def compute_output_shape(self, input_shape):
        return input_shape
