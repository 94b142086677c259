"""Importance map: where in the image, and in which channel, bits are worth spending."""

import keras
from keras import ops

from alic_tf.layers.block import Block
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.normalization import make_normalization
from alic_tf.layers.residual import ResidualBlock
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply


@keras.saving.register_keras_serializable(package="alic_tf")
class ImportanceMap(Block):
    """Map m = softsign(tanh(h + RB(RB(RB(h))))), h = norm(3x3 stride 2), that scales the latent.

    Fu et al., arXiv 2206.10618, section III-B and figure 4. The figure shows LeakyReLU where the
    authors' code, followed here, has GDN. Values lie in [-0.5, 0.5]: elements near 0 vanish in
    rounding, and the decoder needs no map.

    Args:
        filters: channels of the map, at least 2.
        normalization: "gdn" or "ln_prelu".

    Input (batch, h, w, c); output (batch, ceil(h/2), ceil(w/2), filters).

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, normalization="gdn", **kwargs):
        super().__init__(filters, normalization, **kwargs)
        dtype = self.dtype_policy
        self.stem = [SignalConvolution(filters, 3, strides=2, dtype=dtype),
                     make_normalization(normalization, dtype=dtype)]
        self.blocks = [ResidualBlock(filters, dtype=dtype) for _ in range(3)]

    def build(self, input_shape):
        build_sequence(self.blocks, build_sequence(self.stem, input_shape))

    def call(self, x):
        h = apply(self.stem, x)
        return ops.softsign(ops.tanh(h + apply(self.blocks, h)))

    def compute_output_shape(self, input_shape):
        return self.stem[0].compute_output_shape(input_shape)
