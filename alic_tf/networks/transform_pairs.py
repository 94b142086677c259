"""The transform pairs of the paper and of the light model."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.quality import QualityVector
from alic_tf.networks.packet import PacketAnalysis, PacketSynthesis
from alic_tf.networks.transform_pair import Step, TransformPair
from alic_tf.networks.transforms import Analysis, Synthesis


@keras.saving.register_keras_serializable(package="alic_tf")
class ConvolutionalTransform(TransformPair):
    """The paper's transforms, for one rate.

    Args:
        filters, block, normalization, importance, encoder_blocks, decoder_blocks, pqf,
            attention: see `Analysis` and `Synthesis`.

    Source: Fu et al. 2022, figure 2.
    """

    centred = True

    def __init__(self, filters=128, block="msrb", normalization="gdn", importance="map",
                 encoder_blocks=3, decoder_blocks=1, pqf=True, attention=True, **kwargs):
        super().__init__(**kwargs)
        self.switches = {
            "filters": filters, "block": block, "normalization": normalization,
            "importance": importance, "encoder_blocks": encoder_blocks,
            "decoder_blocks": decoder_blocks, "pqf": pqf, "attention": attention,
        }
        self.latents = filters
        self.tile = 2**17 // filters
        options = {"block": block, "normalization": normalization, "attention": attention,
                   "dtype": self.dtype_policy}
        self.analysis = Analysis(
            filters, importance=importance, blocks=encoder_blocks, name="analysis", **options
        )
        self.synthesis = Synthesis(
            filters, pqf=pqf, blocks=decoder_blocks, name="synthesis", **options
        )

    def build(self, input_shape=None):
        self.analysis.build((None, None, None, 3))
        self.synthesis.build((None, None, None, self.latents))
        self.built = True

    def analyze(self, image, knots):
        """Image [b, h, w, 3] in 0..1 to (latent float32 [b, h / 16, w / 16, N], unit)."""
        return ops.cast(self.analysis(image), "float32"), self.unit(knots)

    def synthesize(self, latent, knots):
        """Latent to (image float32, filtered latent in quantization steps)."""
        refined = self.synthesis.refine(latent)
        image = self.synthesis.reconstruct(refined)
        return ops.cast(image, "float32"), ops.cast(refined, "float32")

    def get_config(self):
        return {**super().get_config(), **self.switches}


@keras.saving.register_keras_serializable(package="alic_tf")
class PacketTransform(TransformPair):
    """The light transforms with a gain per channel and quality.

    Args:
        lambdas: lambda of each whole quality; the gains start as those of a transform codec that
            is optimal for them, sqrt(lambda / 26).
        filters, latents, normalization: see `PacketAnalysis`.
        analysis_units, synthesis_units: residual units of each stage.
    """

    variable_rate = True
    # With what is read around them, tiles of this size make arrays of less than 32 MiB, which the
    # C library takes from memory that it keeps; larger ones cost a third more time per pixel.
    tile = 1504

    def __init__(self, lambdas, filters=128, latents=256, analysis_units=(1, 1, 1),
                 synthesis_units=(3,), normalization="prelu", **kwargs):
        super().__init__(**kwargs)
        self.lambdas = tuple(lambdas)
        self.filters, self.latents = filters, latents
        self.analysis_units = tuple(analysis_units)
        self.synthesis_units = tuple(synthesis_units)
        self.normalization = normalization
        qualities = len(self.lambdas)
        options = {"qualities": qualities, "normalization": normalization,
                   "dtype": self.dtype_policy}
        self.analysis = PacketAnalysis(
            filters, latents, analysis_units, name="analysis", **options
        )
        self.synthesis = PacketSynthesis(
            filters, latents, synthesis_units, name="synthesis", **options
        )
        # For a mean squared error over three channels, the step sqrt(26 / lambda) minimizes
        # lambda step^2 / 12 - 3 log2(step).
        start = 0.5 * np.log(np.array(self.lambdas) / 26)

        def table(sign):
            return lambda shape, dtype=None: ops.cast(
                np.broadcast_to(sign * start[:, None], shape), dtype
            )

        self.log_gain = QualityVector(qualities, latents, table(1), name="log_gain")
        self.log_inverse_gain = QualityVector(
            qualities, latents, table(-1), name="log_inverse_gain"
        )

    def build(self, input_shape=None):
        for layer in (self.analysis, self.synthesis, self.log_gain, self.log_inverse_gain):
            layer.build()
        self.built = True

    def unit(self, knots):
        """Usual size of each latent channel in quantization steps, float32 [b, 1, 1, M]."""
        return self.analysis.latent_deviation * ops.exp(self.log_gain(knots))

    def analyze(self, image, knots):
        """Image [b, h, w, 3] in 0..1 to (latent float32 [b, h / 16, w / 16, M], unit)."""
        return self._weigh(self.analysis.transform(image, knots), knots), self.unit(knots)

    def synthesize(self, latent, knots):
        """Latent to (image float32, filtered latent in quantization steps)."""
        filtered = self._refine(latent, knots)
        image = self.synthesis.reconstruct(filtered, knots)
        return image, filtered * ops.exp(self.log_gain(knots))

    def _weigh(self, latent, knots):
        return self.analysis.weigh(latent) * ops.exp(self.log_gain(knots))

    def _refine(self, latent, knots):
        return self.synthesis.refine(latent * ops.exp(self.log_inverse_gain(knots)))

    def analysis_steps(self):
        """The transform, and the attention to its output."""
        return [
            Step(self.analysis.transform, 3, 1, self.stride, self.stride, self.tile, 0.9),
            self._attention(self._weigh),
        ]

    def synthesis_steps(self):
        """Filter and attention, and the transform of their output."""
        return [
            self._attention(self._refine),
            Step(self.synthesis.reconstruct, self.latents, self.stride, 1, self.stride, self.tile,
                 0.9),
        ]

    def _attention(self, function):
        """A step from latent to latent, at the even positions of which its wavelets begin."""
        block = 2 * self.stride
        return Step(function, self.latents, self.stride, self.stride, block, self.tile, 0.1)

    def get_config(self):
        return {
            **super().get_config(),
            "lambdas": self.lambdas,
            "filters": self.filters,
            "latents": self.latents,
            "analysis_units": self.analysis_units,
            "synthesis_units": self.synthesis_units,
            "normalization": self.normalization,
        }
