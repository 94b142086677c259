"""Transform pair of the residual autoencoder with GDN."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.activation import activated
from alic_tf.layers.attention import MaskAttention
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.gdn_residual import GDNResidualBlock
from alic_tf.layers.normalization import GDN
from alic_tf.layers.resampling import ResidualUpsampling
from alic_tf.layers.sequence import build_sequence
from alic_tf.networks.transform_pair import TransformPair
from alic_tf.topology import apply

# The decoder has twelve inverse normalisations in a row, each of which squares what is large: with
# the usual 0.1 it overflows before it has learned anything.
INVERSE_GAMMA = 1e-3


@keras.saving.register_keras_serializable(package="alic_tf")
class ResidualTransform(TransformPair):
    """Residual blocks with GDN and two masks as attention.

        3x3/2 - block - block - block/2 - mask - block - block/2 - block - mask - 3x3/2 -> latent
        latent -> 3x3 - mask - block - up - block - up - mask - block - up - block - up -> image

    The blocks are `GDNResidualBlock` (inverse in the decoder), up is `ResidualUpsampling`.

    Args:
        filters: number of channels.
        latents: number of latent channels.
        activation: of the single convolutions and in the upsampling blocks, "leaky_relu" or
            "prelu".
        normalization: see `make_normalization`.
        attention: whether the four masks are there.
        importance, pqf: see `TransformPair.surround`; published without.
        lambdas: of each whole quality; published for one.

    Raises:
        ValueError: unknown activation.

    Source: "Learned Image Compression using Autoencoder Architecture" (M. Ashraf,
    github.com/MahmoudAshraf97/AutoencoderCompression): its description; where that is silent
    (widths, places of the strides and the masks, the decoder's order), its code. The authors'
    code has attention modules with residual trunks and one GDN a block, its description these.
    """

    def __init__(self, filters=192, latents=32, activation="leaky_relu",
                 normalization="gdn", attention=True, importance="none", pqf=False,
                 lambdas=(1.0,), **kwargs):
        super().__init__(**kwargs)
        self.switches = {
            "filters": filters, "latents": latents, "activation": activation,
            "normalization": normalization, "attention": attention, "importance": importance,
            "pqf": pqf,
        }
        self.latents = latents
        self.tile = 2**17 // filters
        dtype = {"dtype": self.dtype_policy}

        def convolution(channels, strides=1):
            return activated(SignalConvolution, channels, 3, strides=strides,
                             activation=activation, **dtype)

        def blocks(*strides, inverse=False):
            return [GDNResidualBlock(filters, n, inverse, normalization, **dtype)
                    for n in strides]

        def stage(channels=filters):
            up = ResidualUpsampling(channels, normalization, activation, **dtype)
            return [*blocks(1, inverse=True), up]

        masks = [[MaskAttention(filters, **dtype)] * attention for _ in range(4)]
        self.analysis = [
            *convolution(filters, 2), *blocks(1, 1, 2), *masks[0], *blocks(1, 2, 1), *masks[1],
            *convolution(latents, 2),
        ]  # fmt: skip
        self.synthesis = [
            *convolution(filters), *masks[2], *stage(), *stage(), *masks[3], *stage(), *stage(3),
        ]  # fmt: skip
        self.surround(importance, pqf, lambdas)

    def build(self, input_shape=None):
        build_sequence(self.analysis, (None, None, None, 3))
        build_sequence(self.synthesis, (None, None, None, self.latents))
        for layer in self._flatten_layers():
            if isinstance(layer, GDN) and layer.inverse:
                channels = layer.beta.shape[0]
                layer.set_effective(np.ones(channels), INVERSE_GAMMA * np.eye(channels))
        self.built = True

    def to_latent(self, image):
        image = ops.cast(image, self.compute_dtype)
        return ops.cast(apply(self.analysis, image), "float32")

    def to_image(self, latent):
        image = apply(self.synthesis, ops.cast(latent, self.compute_dtype))
        return ops.cast(image, "float32")

    def get_config(self):
        return {**super().get_config(), **self.switches, "lambdas": self.lambdas}
