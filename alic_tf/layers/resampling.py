"""Residual halving and doubling of the resolution, the skeleton of encoder and decoder."""

import keras

from alic_tf import topology
from alic_tf.layers import arithmetic
from alic_tf.layers.activation import activated
from alic_tf.layers.block import Block
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.normalization import make_normalization
from alic_tf.layers.sequence import build_sequence


class _Shortcut(Block):
    """The sum of a trunk and a shortcut, both of which change the resolution."""

    def __init__(self, filters, normalization="gdn", activation="leaky_relu", **kwargs):
        super().__init__(filters, normalization, **kwargs)
        self.activation = activation

    def build(self, input_shape):
        self.shortcut.build(input_shape)
        build_sequence(self.trunk, input_shape)

    def call(self, x):
        return topology.shortcut(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        return self.shortcut.compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "activation": self.activation}


@keras.saving.register_keras_serializable(package="alic_tf")
class ResidualDownsampling(_Shortcut):
    """norm(3x3 LeakyReLU(3x3 stride 2 x)) + 1x1 stride 2 x.

    Fu et al., arXiv 2206.10618, figure 2.

    Args:
        filters: output channels.
        normalization: "gdn" or "ln_prelu".
        activation: "leaky_relu", or "leaky_relu_0.01" as in CompressAI.

    Maps (batch, h, w, c) to (batch, ceil(h/2), ceil(w/2), filters).

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, normalization="gdn", activation="leaky_relu", **kwargs):
        super().__init__(filters, normalization, activation, **kwargs)
        dtype = self.dtype_policy
        self.shortcut = SignalConvolution(filters, 1, strides=2, dtype=dtype)
        self.trunk = [
            SignalConvolution(filters, 3, strides=2, activation=activation, dtype=dtype),
            SignalConvolution(filters, 3, dtype=dtype),
            make_normalization(normalization, dtype=dtype),
        ]


@keras.saving.register_keras_serializable(package="alic_tf")
class ResidualUpsampling(_Shortcut):
    """inverse norm(3x3 subpixel(LeakyReLU(3x3 x))) + subpixel(1x1 x).

    Fu et al., arXiv 2206.10618, figure 2; with mirrored kernels, as the authors' weights have it.

    Args:
        filters: output channels.
        normalization: "gdn" (here its inverse) or "ln_prelu".
        activation: "leaky_relu", or "leaky_relu_0.01" as in CompressAI, or "prelu", which has its
            slopes after the rearrangement.
        shortcut_size: taps along each side of the shortcut's kernel, 1, or 3 as in CompressAI.
        flip: whether kernels are mirrored.

    Maps (batch, h, w, c) to (batch, 2h, 2w, filters).

    Raises:
        ValueError: unknown normalization or activation.
    """

    def __init__(self, filters, normalization="gdn", activation="leaky_relu", shortcut_size=1,
                 flip=True, **kwargs):
        super().__init__(filters, normalization, activation, **kwargs)
        self.shortcut_size, self.flip = shortcut_size, flip
        options = {"flip": flip, "dtype": self.dtype_policy}
        self.shortcut = SubpixelConvolution(filters, shortcut_size, **options)
        self.trunk = [
            *activated(SubpixelConvolution, filters, 3, activation=activation, **options),
            SignalConvolution(filters, 3, **options),
            make_normalization(normalization, inverse=True, dtype=self.dtype_policy),
        ]

    def get_config(self):
        return {**super().get_config(), "shortcut_size": self.shortcut_size, "flip": self.flip}
