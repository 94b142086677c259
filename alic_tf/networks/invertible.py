"""Transforms of ICWEM: an invertible network around transformer-convolution blocks."""

import keras
from keras import ops

from alic_tf.layers.conv_transformer import ConvTransformerBlock
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.enhancement import Enhancement
from alic_tf.layers.invertible import InvertibleNetwork
from alic_tf.layers.resampling import ResidualDownsampling, ResidualUpsampling
from alic_tf.layers.sequence import build_sequence
from alic_tf.networks.transform_pair import TransformPair
from alic_tf.topology import apply


def conv_transformers(count, filters, head_dim, window, dtype):
    """Blocks whose windows are, in turn, as they are and shifted."""
    return [ConvTransformerBlock(filters, head_dim, window, shifted=bool(i % 2), dtype=dtype)
            for i in range(count)]


def downsampling(filters, dtype, normalization="gdn"):
    """Residual halving of the resolution, in the form of CompressAI."""
    return ResidualDownsampling(filters, normalization, activation="leaky_relu_0.01", dtype=dtype)


def upsampling(filters, dtype, normalization="gdn"):
    """Residual doubling of the resolution, in the form of CompressAI."""
    return ResidualUpsampling(filters, normalization, "leaky_relu_0.01", shortcut_size=3,
                              flip=False, dtype=dtype)


@keras.saving.register_keras_serializable(package="alic_tf")
class InvertibleTransform(TransformPair):
    """The transforms of ICWEM.

        image -> enhancement -> invertible network -> analysis -> latent
        image <- enhancement <- its inverse <- synthesis <- latent

    Analysis and synthesis have a residual resampling, or at the end a single convolution, for each
    of the four halvings, and `ConvTransformerBlock`s between them.

    Args:
        filters: N, channels of each of the two branches of a block.
        latents: number of latent channels.
        blocks: of each resolution, a half to an eighth in the analysis, then back.
        head_dims: channels of an attention head, for each resolution; they divide N.
        window: side of the attention windows, at most 8.
        enhancement, growth: width and growth of the two `Enhancement`s.
        couplings: kernel sizes of the `InvertibleNetwork`.
        normalization: see `make_normalization`.
        importance, pqf: see `TransformPair.surround`; published without.
        lambdas: of each whole quality; published for one.

    Source: Liao 2024, github.com/J-S-Liao/ICWEM, after arXiv 2303.14978 and 2108.03690; published
    with the values given here.

    Raises:
        ValueError: N is not a multiple of a head's channels; the window is none of those that
            fit; blocks or head_dims are not six.
    """

    def __init__(self, filters=128, latents=320, blocks=(2, 2, 2, 2, 2, 2),
                 head_dims=(8, 16, 32, 32, 16, 8), window=8, enhancement=64, growth=32,
                 couplings=(5, 5, 3, 3), normalization="gdn", importance="none", pqf=False,
                 lambdas=(1.0,), **kwargs):
        super().__init__(**kwargs)
        if len(blocks) != 6 or len(head_dims) != 6:
            raise ValueError(f"blocks {blocks} and head_dims {head_dims} need 6 numbers each")
        if window not in (2, 4, 8):
            raise ValueError(f"window must be one of (2, 4, 8), not {window}")
        self.switches = {
            "filters": filters, "latents": latents, "blocks": tuple(blocks),
            "head_dims": tuple(head_dims), "window": window, "enhancement": enhancement,
            "growth": growth, "couplings": tuple(couplings), "normalization": normalization,
            "importance": importance, "pqf": pqf,
        }
        self.latents = latents
        # Of each side, 128 pixels around a tile are read in addition.
        self.tile = max(512, 2**15 // filters)
        dtype, width = self.dtype_policy, 2 * filters
        resampling = width, dtype, normalization
        self.enhance, self.restore = (
            Enhancement(enhancement, growth, dtype=dtype) for _ in range(2))
        self.invertible = InvertibleNetwork(couplings, dtype=dtype)
        stages = [conv_transformers(count, width, head_dim, window, dtype)
                  for count, head_dim in zip(blocks, head_dims)]
        self.analysis = [
            downsampling(*resampling), *stages[0], downsampling(*resampling), *stages[1],
            downsampling(*resampling), *stages[2],
            SignalConvolution(latents, 3, strides=2, dtype=dtype),
        ]
        self.synthesis = [
            upsampling(*resampling), *stages[3], upsampling(*resampling), *stages[4],
            upsampling(*resampling), *stages[5], SubpixelConvolution(3, 3, dtype=dtype),
        ]
        self.surround(importance, pqf, lambdas)

    @property
    def block(self):
        """Pixels of a window at an eighth of the resolution; the others are smaller."""
        return max(8 * self.switches["window"], super().block)

    def build(self, input_shape=None):
        image = (None, None, None, 3)
        for layer in (self.enhance, self.restore, self.invertible):
            layer.build(image)
        build_sequence(self.analysis, image)
        build_sequence(self.synthesis, (None, None, None, self.latents))
        self.built = True

    def to_latent(self, image):
        x = self.invertible(self.enhance(image))
        return ops.cast(apply(self.analysis, x), "float32")

    def to_image(self, latent):
        x = self.invertible(apply(self.synthesis, latent), inverse=True)
        return ops.cast(self.restore(x), "float32")

    def get_config(self):
        return {**super().get_config(), **self.switches, "lambdas": self.lambdas}
