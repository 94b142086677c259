"""Transforms of the light model: nonlinear corrections around a linear packet transform."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.activation import prelu
from alic_tf.layers.convolution import SignalConvolution, depth_to_space, space_to_depth
from alic_tf.layers.filter import FILTERS, NEARLY_ONE, PostQuantizationFilter
from alic_tf.layers.normalization import LayerNormPReLU
from alic_tf.layers.quality import QualityVector
from alic_tf.layers.wavelet_attention import WaveletAttention

NORMALIZATIONS = ("prelu", "ln_prelu")
PACKET_LEVELS = 3
BLOCK = 2**PACKET_LEVELS
BANDS = 3 * BLOCK**2


def packet_matrix():
    """Orthonormal matrix [192, 192] from a block's pixels to its Haar packet bands.

    Rows follow `space_to_depth(image, 8)`, columns the order of `HaarPacket(3)`. One matmul is
    several times faster on CPU than the levels one by one.
    """
    x = np.eye(BANDS).reshape(BANDS, BLOCK, BLOCK, 3)
    for _ in range(PACKET_LEVELS):
        a, b, c, d = (x[:, i::2, j::2] for i in (0, 1) for j in (0, 1))
        bands = (a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d)
        x = np.concatenate(bands, axis=-1) / 2
    return x.reshape(BANDS, BANDS)


def wavelet_attention(name, dtype):
    """`WaveletAttention` of both transforms, narrow, and near the identity at first."""
    return WaveletAttention(importance_bias_init=NEARLY_ONE, reduction=4, name=name, dtype=dtype)


@keras.saving.register_keras_serializable(package="alic_tf")
class HierarchicalStage(keras.layers.Layer):
    """Residual units of two plain 3x3 convolutions, each weighted by the quality.

        x -> 3x3 -> normalization, PReLU -> 3x3 -> * v(quality) -> + -> ... -> out
        `-------------------------------------------------------'

    The second convolutions start at zero: a new unit is the identity, also one that is added to a
    trained model. The light successor's HCNN units are depthwise; on CPU kernels, steps with plain
    convolutions of the same width take less time, for more work (docs/training.md).

    Args:
        filters: width C.
        units: number of residual units.
        qualities: number of whole qualities.
        normalization: "prelu" (none) or "ln_prelu" (LayerNorm over the channels).

    Call:
        x: [b, h, w, C]; knots: [b, qualities] of `quality_knots`. Returns [b, h, w, C].

    Raises:
        ValueError: unknown normalization.
    """

    def __init__(self, filters, units, qualities, normalization="prelu", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.units = units
        self.qualities = qualities
        self.normalization = normalization
        if normalization not in NORMALIZATIONS:
            raise ValueError(
                f"normalization must be one of {NORMALIZATIONS}, not {normalization!r}"
            )
        options = {"dtype": self.dtype_policy}
        self.first, self.second = (
            [SignalConvolution(filters, 3, name=f"{name}_{i}", **options) for i in range(units)]
            for name in ("first", "second")
        )
        self.activations = [
            LayerNormPReLU(name=f"activation_{i}", **options)
            if normalization == "ln_prelu"
            else prelu(name=f"activation_{i}", **options)
            for i in range(units)
        ]
        self.weights_of_quality = [
            QualityVector(
                qualities, filters, keras.initializers.Constant(0.5), name=f"quality_{i}"
            )
            for i in range(units)
        ]

    def build(self, input_shape):
        shape = (None, None, None, self.filters)
        for layer in (*self.first, *self.second, *self.activations):
            layer.build(shape)
        for layer in self.weights_of_quality:
            layer.build()
        for layer in self.second:
            layer.kernel.assign(ops.zeros(layer.kernel.shape))
        self.built = True

    def call(self, x, knots):
        for first, activation, second, weight in zip(
            self.first, self.activations, self.second, self.weights_of_quality
        ):
            x = x + second(activation(first(x))) * ops.cast(weight(knots), x.dtype)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "units": self.units,
            "qualities": self.qualities,
            "normalization": self.normalization,
        }


class _PacketTransform(keras.layers.Layer):
    """What both transforms have: the stages, and the usual sizes of bands and latents."""

    def __init__(self, filters, latents, units, qualities, normalization="prelu", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.latents = latents
        self.units = tuple(units)
        self.qualities = qualities
        self.normalization = normalization
        self.matrix = packet_matrix().astype("float32")
        self.stages = [
            HierarchicalStage(
                filters, n, qualities, normalization, dtype=self.dtype_policy, name=f"stage_{i}"
            )
            for i, n in enumerate(self.units)
        ]

    def _build_layers(self, channels):
        """Builds the stages, and other layers from pairs of (layer, input channels)."""
        for name, size in (("band_deviation", BANDS), ("latent_deviation", self.latents)):
            weight = self.add_weight(name=name, shape=(size,), initializer="ones", trainable=False)
            setattr(self, name, weight)
        for layer, size in (*channels, *((stage, self.filters) for stage in self.stages)):
            layer.build((None, None, None, size))
        # The nonlinear path starts at zero.
        self.tail.kernel.assign(ops.zeros(self.tail.kernel.shape))
        self.built = True

    def _run_stages(self, x, knots):
        for stage in self.stages:
            x = stage(x, knots)
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "latents": self.latents,
            "units": self.units,
            "qualities": self.qualities,
            "normalization": self.normalization,
        }


@keras.saving.register_keras_serializable(package="alic_tf")
class PacketAnalysis(_PacketTransform):
    """Analysis transform at 1/8 resolution around a 16x16 linear transform.

        image -> Haar packet 8x8 -+-> 2x2 blocks -> KLT (768 -> M) ----------> + -> DWAN -> latent
                (192 at 1/8)      `-> 1x1 -> hierarchical stages -> 1x1 (/2) --'

    The linear path starts as the Karhunen-Loeve transform of the training photographs and the
    nonlinear one at zero, so that training starts from a transform codec.

    Args:
        filters: width of the stages.
        latents: number of latent channels M.
        units: residual units per stage; one number per stage.
        qualities: number of whole qualities.
        normalization: see `HierarchicalStage`.
        importance: "dwan" (`WaveletAttention`) or "none".

    Call:
        image: float [b, h, w, 3] in 0..1, h and w multiples of 32; knots: [b, qualities].
        Returns float32 [b, h / 16, w / 16, M], in units of 8-bit levels (orthonormal transform).
    """

    def __init__(self, *args, importance="dwan", **kwargs):
        super().__init__(*args, **kwargs)
        if importance not in ("none", "dwan"):
            raise ValueError(f"importance must be one of ('none', 'dwan'), not {importance!r}")
        options = {"dtype": self.dtype_policy}
        self.linear = SignalConvolution(
            self.latents, 1, use_bias=False, dtype="float32", name="linear"
        )
        self.head = SignalConvolution(self.filters, 1, name="head", **options)
        self.tail = SignalConvolution(self.latents, 1, use_bias=False, name="tail", **options)
        self.importance = None
        if importance == "dwan":
            self.importance = wavelet_attention("importance", self.dtype_policy)

    def build(self, input_shape=None):
        self._build_layers([
            (self.linear, 4 * BANDS),
            (self.head, BANDS),
            (self.tail, 4 * self.filters),
            *((layer, self.latents) for layer in [self.importance] if layer is not None),
        ])  # fmt: skip

    def call(self, image, knots):
        return self.weigh(self.transform(image, knots))

    def transform(self, image, knots):
        """The first part of `call`: the latent in units of the usual size of its channels."""
        pixels = space_to_depth(255.0 * ops.cast(image, "float32") - 127.5, BLOCK)
        bands = ops.matmul(pixels, self.matrix)
        h = self.head(ops.cast(bands / self.band_deviation, self.compute_dtype))
        h = self._run_stages(h, knots)
        linear = self.linear(space_to_depth(bands, 2)) / self.latent_deviation
        return linear + ops.cast(self.tail(space_to_depth(h, 2)), "float32")

    def weigh(self, latent):
        """The second part of `call`: by the importance, and in units of 8-bit levels."""
        scaled = latent * self.latent_deviation
        if self.importance is None:
            return scaled
        _, importance = self.importance(ops.cast(latent, self.compute_dtype))
        return scaled * ops.cast(importance, "float32")

    def get_config(self):
        return {**super().get_config(),
                "importance": "none" if self.importance is None else "dwan"}


@keras.saving.register_keras_serializable(package="alic_tf")
class PacketSynthesis(_PacketTransform):
    """Synthesis transform of the light model, the asymmetric counterpart of `PacketAnalysis`.

        latent -> PQF -> DWAN -+-> inverse KLT (M -> 768) -> 2x2 blocks ---------> + -> inverse
                               `-> 1x1 (x2) -> hierarchical stages -> 1x1 (192) --'    packet

    Args:
        filters, latents, units, qualities, normalization: as `PacketAnalysis`.
        pqf: "wavelet", True for the 3x3 filter without attention, or False.

    Call:
        latent: float32 [b, h, w, M]; knots: [b, qualities].
        Returns (image float32 [b, 16 h, 16 w, 3], unclipped, and the filtered latent).
    """

    def __init__(self, *args, pqf="wavelet", **kwargs):
        super().__init__(*args, **kwargs)
        if pqf not in FILTERS:
            raise ValueError(f"pqf must be one of {FILTERS}, not {pqf!r}")
        self.pqf = pqf
        options = {"dtype": self.dtype_policy}
        self.filter = self.refinement = None
        if pqf:
            self.filter = PostQuantizationFilter(dtype="float32", name="filter")
        if pqf == "wavelet":
            self.refinement = wavelet_attention("refinement", self.dtype_policy)
        self.linear = SignalConvolution(
            4 * BANDS, 1, use_bias=False, dtype="float32", name="linear"
        )
        self.head = SignalConvolution(4 * self.filters, 1, name="head", **options)
        self.tail = SignalConvolution(BANDS, 1, name="tail", **options)

    def build(self, input_shape=None):
        latents = filter(None, (self.filter, self.refinement, self.linear, self.head))
        self._build_layers([*((layer, self.latents) for layer in latents),
                            (self.tail, self.filters)])  # fmt: skip

    def call(self, latent, knots):
        filtered = self.refine(latent)
        return self.reconstruct(filtered, knots), filtered

    def refine(self, latent):
        """The first part of `call`: the filtered latent."""
        filtered = ops.cast(latent, "float32")
        if self.filter is not None:
            filtered = self.filter(filtered)
        if self.refinement is None:
            return filtered
        normalized = ops.cast(filtered / self.latent_deviation, self.compute_dtype)
        _, importance = self.refinement(normalized)
        return filtered * ops.cast(importance, "float32")

    def reconstruct(self, filtered, knots):
        """The second part of `call`: the image of a filtered latent."""
        normalized = filtered / self.latent_deviation
        h = depth_to_space(self.head(ops.cast(normalized, self.compute_dtype)), 2)
        h = self._run_stages(h, knots)
        bands = depth_to_space(self.linear(filtered), 2)
        bands = bands + ops.cast(self.tail(h), "float32") * self.band_deviation
        pixels = depth_to_space(ops.matmul(bands, self.matrix.T), BLOCK)
        return (pixels + 127.5) / 255.0

    def get_config(self):
        return {**super().get_config(), "pqf": self.pqf}
