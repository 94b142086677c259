"""Residual block of convolutions that are each normalised."""

import keras
from keras import ops

from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.normalization import make_normalization
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply


@keras.saving.register_keras_serializable(package="alic_tf")
class GDNResidualBlock(keras.layers.Layer):
    """x + GDN(3x3 GDN(3x3 x)), which may halve the resolution.

    The second convolution starts at zero, and so the block as the identity (or its 1x1): inverse
    normalisations in a row would otherwise make numbers of 10^7 of a picture.

    The residual block of "Learned Image Compression using Autoencoder Architecture" (M. Ashraf,
    github.com/MahmoudAshraf97/AutoencoderCompression).

    Args:
        filters: channels of the output; of the input too, unless strides are above 1.
        strides: of the first convolution and, above 1, of a 1x1 convolution on the skip path.
        inverse: the decoder's inverse GDN.
        normalization: see `make_normalization`.

    Maps (batch, h, w, c) to (batch, ceil(h / strides), ceil(w / strides), filters).
    """

    def __init__(self, filters, strides=1, inverse=False, normalization="gdn", **kwargs):
        super().__init__(**kwargs)
        self.filters, self.strides, self.inverse = filters, strides, inverse
        self.normalization, dtype = normalization, self.dtype_policy
        norms = [make_normalization(normalization, inverse, dtype=dtype) for _ in range(2)]
        self.trunk = [
            SignalConvolution(filters, 3, strides=strides, dtype=dtype), norms[0],
            SignalConvolution(filters, 3, dtype=dtype), norms[1],
        ]  # fmt: skip
        self.shortcut = []
        if strides > 1:
            self.shortcut = [SignalConvolution(filters, 1, strides=strides, dtype=dtype)]

    def build(self, input_shape):
        build_sequence(self.trunk, input_shape)
        second = self.trunk[2].kernel
        second.assign(ops.zeros(second.shape))
        build_sequence(self.shortcut, input_shape)

    def call(self, x):
        return apply(self.shortcut, x) + apply(self.trunk, x)

    def compute_output_shape(self, input_shape):
        return self.trunk[0].compute_output_shape(input_shape)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "strides": self.strides,
                "inverse": self.inverse, "normalization": self.normalization}
