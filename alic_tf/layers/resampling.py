"""Residual halving and doubling of the resolution, the skeleton of encoder and decoder."""

import keras

from alic_tf.layers.block import Block
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.normalization import make_normalization
from alic_tf.layers.sequence import apply_sequence, build_sequence


class _Shortcut(Block):
    """The sum of a trunk and a shortcut, both of which change the resolution."""

    def build(self, input_shape):
        self.shortcut.build(input_shape)
        build_sequence(self.trunk, input_shape)

    def call(self, x):
        return self.shortcut(x) + apply_sequence(self.trunk, x)

    def compute_output_shape(self, input_shape):
        return self.shortcut.compute_output_shape(input_shape)


@keras.saving.register_keras_serializable(package="alic_tf")
class ResidualDownsampling(_Shortcut):
    """norm(3x3 LeakyReLU(3x3 stride 2 x)) + 1x1 stride 2 x.

    Fu et al., arXiv 2206.10618, figure 2.

    Args:
        filters: output channels.
        normalization: "gdn" or "ln_prelu".

    Maps (batch, h, w, c) to (batch, ceil(h/2), ceil(w/2), filters).

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, normalization="gdn", **kwargs):
        super().__init__(filters, normalization, **kwargs)
        dtype = self.dtype_policy
        self.shortcut = SignalConvolution(filters, 1, strides=2, dtype=dtype)
        self.trunk = [
            SignalConvolution(filters, 3, strides=2, activation="leaky_relu", dtype=dtype),
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

    Maps (batch, h, w, c) to (batch, 2h, 2w, filters).

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, normalization="gdn", **kwargs):
        super().__init__(filters, normalization, **kwargs)
        dtype = self.dtype_policy
        self.shortcut = SubpixelConvolution(filters, 1, flip=True, dtype=dtype)
        self.trunk = [
            SubpixelConvolution(filters, 3, activation="leaky_relu", flip=True, dtype=dtype),
            SignalConvolution(filters, 3, flip=True, dtype=dtype),
            make_normalization(normalization, inverse=True, dtype=dtype),
        ]
