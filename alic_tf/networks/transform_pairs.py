"""The transform pairs of the paper and of the light model."""

import keras
from keras import ops

from alic_tf.layers.quality import log_gains
from alic_tf.networks.packet import PacketAnalysis, PacketSynthesis
from alic_tf.networks.transform_pair import Step, TransformPair
from alic_tf.networks.transforms import Analysis, Synthesis


@keras.saving.register_keras_serializable(package="alic_tf")
class ConvolutionalTransform(TransformPair):
    """The paper's transforms, and with other switches those of its light successor.

    Args:
        filters, block, normalization, importance, encoder_blocks, decoder_blocks, pqf,
            attention, resampling, latents: see `Analysis` and `Synthesis`.
        lambdas: of each whole quality; the paper has one.

    Source: Fu et al. 2022, figure 2.
    """

    centred = True

    def __init__(self, filters=128, block="msrb", normalization="gdn", importance="map",
                 encoder_blocks=3, decoder_blocks=1, pqf=True, attention=True,
                 resampling="residual", latents=None, lambdas=(1.0,), **kwargs):
        super().__init__(**kwargs)
        self.switches = {
            "filters": filters, "block": block, "normalization": normalization,
            "importance": importance, "encoder_blocks": encoder_blocks,
            "decoder_blocks": decoder_blocks, "pqf": pqf, "attention": attention,
            "resampling": resampling, "latents": latents,
        }
        self.latents = latents or filters
        self.tile = (2**17 if resampling == "residual" else 2**16) // filters
        options = {"block": block, "normalization": normalization, "attention": attention,
                   "resampling": resampling, "latents": latents, "dtype": self.dtype_policy}
        self.analysis = Analysis(
            filters, importance=importance, blocks=encoder_blocks, name="analysis", **options
        )
        self.synthesis = Synthesis(
            filters, pqf=pqf, blocks=decoder_blocks, name="synthesis", **options
        )
        self.wavelets = importance == "dwan" or pqf == "wavelet"
        self.set_rates(lambdas)

    def build(self, input_shape=None):
        self.analysis.build((None, None, None, 3))
        self.synthesis.build((None, None, None, self.latents))
        self.built = True

    def to_latent(self, image):
        return ops.cast(self.analysis(image), "float32")

    def refined(self, latent):
        return ops.cast(self.synthesis.refine(latent), "float32")

    def to_image(self, latent):
        return ops.cast(self.synthesis.reconstruct(latent), "float32")

    def analysis_steps(self):
        """With separable resampling: to half the resolution, to the latent, its importance.

        Small tiles of the first, whose blocks have wide arrays, take less time.
        """
        if self.switches["resampling"] == "residual":
            return super().analysis_steps()
        filters = self.switches["filters"]

        def halved(image, knots):
            return self.analysis.halved(image)

        def mapped(half, knots):
            return ops.cast(self.analysis.mapped(half)[0], "float32")

        def weighed(latent, knots):
            return self._scaled(ops.cast(self.analysis.weighed(latent)[0], "float32"), knots)

        return [
            Step(halved, 3, 1, 2, 2, 2**14 // filters, 0.7),
            Step(mapped, filters, 2, self.stride, self.stride, self.tile, 0.2),
            self._wavelet_step(weighed),
        ]

    def synthesis_steps(self):
        """With separable resampling: the filter, and the image."""
        if self.switches["resampling"] == "residual":
            return super().synthesis_steps()

        def refined(latent, knots):
            return self._unscaled(self.refined(latent), knots)

        def image(refined, knots):
            return self.to_image(refined)

        return [self._wavelet_step(refined),
                Step(image, self.latents, self.stride, 1, self.stride, self.tile, 0.9)]

    def get_config(self):
        return {**super().get_config(), **self.switches, "lambdas": self.lambdas}


@keras.saving.register_keras_serializable(package="alic_tf")
class PacketTransform(TransformPair):
    """The light transforms with a gain per channel and quality.

    Args:
        lambdas: lambda of each whole quality; the gains start as those of a transform codec that
            is optimal for them, sqrt(lambda / 26).
        filters, latents, normalization, importance: see `PacketAnalysis`.
        pqf: see `PacketSynthesis`.
        analysis_units, synthesis_units: residual units of each stage.
    """

    # With what is read around them, tiles of this size make arrays of less than 32 MiB, which the
    # C library takes from memory that it keeps; larger ones cost a third more time per pixel.
    tile = 1504

    def __init__(self, lambdas, filters=128, latents=256, analysis_units=(1, 1, 1),
                 synthesis_units=(3,), normalization="prelu", importance="dwan", pqf="wavelet",
                 **kwargs):
        super().__init__(**kwargs)
        self.lambdas = tuple(lambdas)
        self.filters, self.latents = filters, latents
        self.analysis_units = tuple(analysis_units)
        self.synthesis_units = tuple(synthesis_units)
        self.normalization = normalization
        self.switches = {"importance": importance, "pqf": pqf}
        self.wavelets = importance == "dwan" or pqf == "wavelet"
        qualities = len(self.lambdas)
        options = {"qualities": qualities, "normalization": normalization,
                   "dtype": self.dtype_policy}
        self.analysis = PacketAnalysis(
            filters, latents, analysis_units, importance=importance, name="analysis", **options
        )
        self.synthesis = PacketSynthesis(
            filters, latents, synthesis_units, pqf=pqf, name="synthesis", **options
        )
        # For a mean squared error over three channels, the step sqrt(26 / lambda) minimizes
        # lambda step^2 / 12 - 3 log2(step).
        self.log_gain, self.log_inverse_gain = log_gains(self.lambdas, latents, 26)

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
            self._wavelet_step(self._weigh),
        ]

    def synthesis_steps(self):
        """Filter and attention, and the transform of their output."""
        return [
            self._wavelet_step(self._refine),
            Step(self.synthesis.reconstruct, self.latents, self.stride, 1, self.stride, self.tile,
                 0.9),
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "lambdas": self.lambdas,
            "filters": self.filters,
            "latents": self.latents,
            "analysis_units": self.analysis_units,
            "synthesis_units": self.synthesis_units,
            "normalization": self.normalization,
            **self.switches,
        }
