"""Encoder and decoder transforms of the asymmetric model, with the switches of its ablations."""

import keras

from alic_tf.layers.attention import NonLocalAttention
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.filter import make_filter
from alic_tf.layers.hierarchical import HCNN
from alic_tf.layers.importance import ImportanceMap
from alic_tf.layers.resampling import ResidualDownsampling, ResidualUpsampling
from alic_tf.layers.residual import MSRB
from alic_tf.layers.separable_resampling import SeparableDownsampling, SeparableUpsampling
from alic_tf.layers.sequence import build_sequence
from alic_tf.layers.wavelet_attention import WaveletAttention
from alic_tf.topology import apply

IMPORTANCES = ("none", "map", "dwan")
BLOCKS = ("msrb", "hcnn")
# Layers that halve and double the resolution.
RESAMPLINGS = {"residual": (ResidualDownsampling, ResidualUpsampling),
               "separable": (SeparableDownsampling, SeparableUpsampling)}
# Fractions of the image's resolution at which a network of so many blocks has them. One block
# sits where the paper's decoder has its only one, three where its encoder has them.
BLOCK_PLACES = {0: (), 1: (4,), 2: (4, 8), 3: (2, 4, 8)}
DOWNSAMPLING = 16


def _make_block(block, filters, normalization, dtype, place):
    # By its name, a trained block keeps its place when others are added.
    options = {"dtype": dtype, "name": f"block_{place}x"}
    if block == "msrb":
        return MSRB(filters, normalization, **options)
    if block == "hcnn":
        return HCNN(filters, **options)
    raise ValueError(f"block must be one of {BLOCKS}, not {block!r}")


def _places(blocks):
    if blocks not in BLOCK_PLACES:
        raise ValueError(f"blocks must be one of {tuple(BLOCK_PLACES)}, not {blocks!r}")
    return BLOCK_PLACES[blocks]


def _resampling(kind):
    if kind not in RESAMPLINGS:
        raise ValueError(f"resampling must be one of {tuple(RESAMPLINGS)}, not {kind!r}")
    return RESAMPLINGS[kind]


@keras.saving.register_keras_serializable(package="alic_tf")
class Analysis(keras.layers.Layer):
    """Encoder: image to latent, 16 times smaller each way.

    Three residual halvings with a block after each and attention after the second, a last 3x3
    convolution of stride 2, attention, and the importance that scales the result
    (Fu et al., arXiv 2206.10618, figure 2).

    Args:
        filters: number N of channels.
        block: "msrb" (the paper) or "hcnn" (its light successor).
        normalization: "gdn" or "ln_prelu".
        importance: "none", "map" (`ImportanceMap`) or "dwan" (`WaveletAttention`).
        blocks: number of blocks, 0 to 3; the paper has 3.
        attention: whether the two attention modules are there, as in the paper.
        resampling: "residual" (the paper) or "separable" (its light successor), for the halvings.
        latents: number M of channels of the latent; N by default, as in the paper.

    Call:
        x: (batch, h, w, 3), RGB in [0, 1]. Returns the latent (batch, h/16, w/16, M), rounding up.

    Raises:
        ValueError: a switch has another value.
    """

    def __init__(self, filters, block="msrb", normalization="gdn", importance="map", blocks=3,
                 attention=True, resampling="residual", latents=None, **kwargs):
        super().__init__(**kwargs)
        if importance not in IMPORTANCES:
            raise ValueError(f"importance must be one of {IMPORTANCES}, not {importance!r}")
        self.switches = {"filters": filters, "block": block, "normalization": normalization,
                         "importance": importance, "blocks": blocks, "attention": attention,
                         "resampling": resampling, "latents": latents}
        dtype, latents = self.dtype_policy, latents or filters
        halving, _ = _resampling(resampling)
        self.trunk = []
        for place in (2, 4, 8):
            if place == 4:
                self.at_half = len(self.trunk)
            self.trunk.append(halving(filters, normalization, dtype=dtype))
            if attention and place == 4:
                self.trunk.append(NonLocalAttention(filters, dtype=dtype))
            if place in _places(blocks):
                self.trunk.append(_make_block(block, filters, normalization, dtype, place))
        self.head = [SignalConvolution(latents, 3, strides=2, use_bias=False, dtype=dtype)]
        if attention:
            self.head.append(NonLocalAttention(latents, dtype=dtype))
        self.importance = None
        if importance == "map":
            self.importance = ImportanceMap(latents, normalization, dtype=dtype)
        elif importance == "dwan":
            self.importance = WaveletAttention(dtype=dtype)

    def build(self, input_shape):
        features = build_sequence(self.trunk, input_shape)
        latent = build_sequence(self.head, features)
        if self.importance is not None:
            self.importance.build(features if self.switches["importance"] == "map" else latent)

    def call(self, x):
        return self.latent_and_importance(x)[0]

    def latent_and_importance(self, x):
        """Returns the latent and the importance it was scaled by (None if there is none)."""
        latent, importance = self.mapped(self.halved(x))
        return (latent, importance) if self.switches["importance"] == "map" else (
            self.weighed(latent))

    def halved(self, x):
        """The first part: features (batch, h/2, w/2, N), the dearest."""
        return apply(self.trunk[:self.at_half], x)

    def mapped(self, half):
        """The second part: the latent, and its importance map if it was scaled by one."""
        features = apply(self.trunk[self.at_half:], half)
        latent = apply(self.head, features)
        if self.switches["importance"] != "map":
            return latent, None
        importance = self.importance(features)
        return latent * importance, importance

    def weighed(self, latent):
        """The third part: the latent scaled by its `WaveletAttention`, and that, if it has one."""
        return self.importance(latent) if self.switches["importance"] == "dwan" else (latent, None)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        latents = self.head[0].filters
        return (batch, *(n and -(-n // DOWNSAMPLING) for n in sides), latents)

    def get_config(self):
        return {**super().get_config(), **self.switches}


@keras.saving.register_keras_serializable(package="alic_tf")
class Synthesis(keras.layers.Layer):
    """Decoder: latent to image, the encoder mirrored but with one block.

    Post-quantization filter, attention, three residual doublings with attention and the block
    after the second, and a last subpixel convolution (Fu et al., arXiv 2206.10618, figure 2).

    Args:
        filters: number N of channels.
        block: "msrb" (the paper) or "hcnn" (its light successor).
        normalization: "gdn" or "ln_prelu".
        pqf: whether the latent is filtered first, or "wavelet" for its light successor's filter.
            The paper does, the authors' code does not.
        blocks: number of blocks, 0 to 3; the paper has 1.
        attention: whether the two attention modules are there, as in the paper.
        resampling: "residual" (the paper) or "separable" (its light successor), for the doublings.
        latents: number M of channels of the latent; N by default, as in the paper.

    Call:
        latent: (batch, h, w, M). Returns an image (batch, 16h, 16w, 3), in [0, 1] up to errors.

    Attributes:
        filter: `PostQuantizationFilter`, `WaveletFilter` or None.

    Raises:
        ValueError: a switch has another value.
    """

    def __init__(self, filters, block="msrb", normalization="gdn", pqf=True, blocks=1,
                 attention=True, resampling="residual", latents=None, **kwargs):
        super().__init__(**kwargs)
        self.switches = {"filters": filters, "block": block, "normalization": normalization,
                         "pqf": pqf, "blocks": blocks, "attention": attention,
                         "resampling": resampling, "latents": latents}
        dtype = self.dtype_policy
        _, doubling = _resampling(resampling)
        self.filter = make_filter(pqf, dtype)
        self.trunk = [NonLocalAttention(latents or filters, dtype=dtype)] if attention else []
        for place in (8, 4, 2):
            self.trunk.append(doubling(filters, normalization, dtype=dtype))
            if attention and place == 4:
                self.trunk.append(NonLocalAttention(filters, dtype=dtype))
            if place in _places(blocks):
                self.trunk.append(_make_block(block, filters, normalization, dtype, place))
        self.trunk.append(SubpixelConvolution(3, 3, flip=True, dtype=dtype))

    def build(self, input_shape):
        if self.filter is not None:
            self.filter.build(input_shape)
        build_sequence(self.trunk, input_shape)

    def refine(self, latent):
        """The filtered latent F(y_hat), or the latent itself without a filter."""
        return latent if self.filter is None else self.filter(latent)

    def reconstruct(self, refined):
        """The image from what `refine` returned."""
        return apply(self.trunk, refined)

    def call(self, latent):
        return self.reconstruct(self.refine(latent))

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(n and n * DOWNSAMPLING for n in sides), 3)

    def get_config(self):
        return {**super().get_config(), **self.switches}
