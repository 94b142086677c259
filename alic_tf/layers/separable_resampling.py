"""Halving and doubling of the resolution in the light model: separable convolutions."""

import keras

from alic_tf.layers.block import Block
from alic_tf.layers.convolution import SubpixelConvolution
from alic_tf.layers.normalization import make_normalization
from alic_tf.layers.separable import ConvolutionUnit
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply


class _Sequence(Block):
    """Layers one after the other, which `build` puts into `stages`."""

    def call(self, x):
        return apply(self.stages, x)


@keras.saving.register_keras_serializable(package="alic_tf")
class SeparableDownsampling(_Sequence):
    """norm(1x1 depthwise 5x5 stride 2 x), a PReLU after each convolution.

    Where the number of channels changes, as of pictures, norm(5x5 stride 2 x). The encoder of the
    light model (docs/systems.md), without its batch normalization.

    Args:
        filters: output channels.
        normalization: "gdn" or "ln_prelu".

    Maps (batch, h, w, c) to (batch, ceil(h/2), ceil(w/2), filters).

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, normalization="ln_prelu", **kwargs):
        super().__init__(filters, normalization, **kwargs)
        self.norm = make_normalization(normalization, dtype=self.dtype_policy)

    def build(self, input_shape):
        options = {"dtype": self.dtype_policy}
        if input_shape[-1] == self.filters:
            convolutions = [ConvolutionUnit(None, 5, 2, name="depthwise", **options),
                            ConvolutionUnit(self.filters, name="pointwise", **options)]
        else:
            convolutions = [ConvolutionUnit(self.filters, 5, 2, False, name="plain", **options)]
        self.stages = [*convolutions, self.norm]
        build_sequence(self.stages, input_shape)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(n and -(-n // 2) for n in sides), self.filters)


@keras.saving.register_keras_serializable(package="alic_tf")
class SeparableUpsampling(_Sequence):
    """inverse norm(subpixel 1x1 depthwise 3x3 x), a PReLU after the depthwise convolution.

    The published light model has plain transposed convolutions of 5x5 here: 25 times the products,
    with which its decoder takes nearly as many as its encoder.

    Args:
        filters: output channels.
        normalization: "gdn" (here its inverse) or "ln_prelu".

    Maps (batch, h, w, c) to (batch, 2h, 2w, filters).

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, normalization="ln_prelu", **kwargs):
        super().__init__(filters, normalization, **kwargs)
        options = {"dtype": self.dtype_policy}
        self.stages = [
            ConvolutionUnit(None, 3, name="depthwise", **options),
            SubpixelConvolution(filters, 1, name="pointwise", **options),
            make_normalization(normalization, inverse=True, name="norm", **options),
        ]

    def build(self, input_shape):
        build_sequence(self.stages, input_shape)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(n and 2 * n for n in sides), self.filters)
