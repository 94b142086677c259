"""The channel-wise entropy model of ICWEM: hyperprior, slices and their residuals."""

import keras
from keras import ops

from alic_tf.entropy.channel_context import ChannelContext
from alic_tf.entropy.distributions import gaussian_bits
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.sequence import apply_sequence, build_sequence
from alic_tf.networks.entropy_models import EntropyModel, total
from alic_tf.networks.invertible import conv_transformers, downsampling, upsampling

# Of the attention in the hyper transforms, where a sample is two of the latent each way.
HYPER_WINDOW = 4


@keras.saving.register_keras_serializable(package="alic_tf")
class ChannelEntropyModel(EntropyModel):
    """Hyperprior with transformer-convolution blocks, and `ChannelContext`.

    Features for the means and for the scales come from hyper decoders of their own.

    Args:
        latents: number of latent channels M.
        filters: N, channels of each branch of a block in the hyper transforms.
        hyper_latents: channels of the hyper latent.
        blocks: number of blocks in each hyper transform.
        head_dim: channels of an attention head there; it divides N.
        slices, attention, widths: see `ChannelContext`.

    Source: Liao 2024, github.com/J-S-Liao/ICWEM, after arXiv 2303.14978; published with the values
    given here.
    """

    # Two hyper windows, or one of the attention among slices.
    alignment = 2 * HYPER_WINDOW

    def __init__(self, latents, filters=128, hyper_latents=192, blocks=2, head_dim=32, slices=5,
                 attention=128, widths=(224, 128), **kwargs):
        super().__init__(latents, hyper_latents, prior_filters=(3, 3, 3, 3), **kwargs)
        self.switches = {"filters": filters, "hyper_latents": hyper_latents, "blocks": blocks,
                         "head_dim": head_dim}

        def stage():
            return conv_transformers(blocks, 2 * filters, head_dim, HYPER_WINDOW, "float32")

        self.hyper_analysis = [
            downsampling(2 * filters, "float32"), *stage(),
            SignalConvolution(hyper_latents, 3, strides=2, dtype="float32"),
        ]
        self.mean_synthesis, self.scale_synthesis = (
            [upsampling(2 * filters, "float32"), *stage(),
             SubpixelConvolution(latents, 3, dtype="float32")]
            for _ in range(2))
        self.context = ChannelContext(latents, slices, attention, widths, name="context")

    @classmethod
    def for_latents(cls, latents, qualities, context, **switches):
        return cls(latents, **switches)

    def build(self, input_shape=None):
        latent = (None, None, None, self.latents)
        self.prior.build()
        hyper = build_sequence(self.hyper_analysis, latent)
        for synthesis in (self.mean_synthesis, self.scale_synthesis):
            build_sequence(synthesis, hyper)
        self.context.build(latent)
        self.built = True

    def hyper_latent(self, latent, unit=1.0, knots=None):
        """The hyper latent z [b, h / 4, w / 4, hyper latents], not rounded."""
        return apply_sequence(self.hyper_analysis, latent)

    def features(self, z_hat):
        """Features [b, 4 h, 4 w, M] of the rounded hyper latent, for means and for scales."""
        return [apply_sequence(synthesis, z_hat)
                for synthesis in (self.mean_synthesis, self.scale_synthesis)]

    def rate(self, latent_hat, z_hat, unit=1.0, knots=None):
        """Ideal bits [b] of a decoded latent and hyper latent."""
        mean, scale, _ = self.context(latent_hat, self.features(z_hat))
        # Residuals are within 1/2: rounding takes them off.
        return total(gaussian_bits(ops.round(latent_hat - mean), scale)) + self._hyper_bits(z_hat)

    def call(self, latent, unit=1.0, knots=None, training=False):
        z_hat, hyper_bits = self._code_hyper_latent(self.hyper_latent(latent), training)
        mean, scale, latent_hat = self.context(latent, self.features(z_hat))
        deviation = self._noisy(latent - mean) if training else ops.round(latent - mean)
        return {"bits": total(gaussian_bits(deviation, scale)), "hyper_bits": hyper_bits,
                "latent_hat": latent_hat}

    def get_config(self):
        context = self.context.get_config()
        return {**super().get_config(), "latents": self.latents, **self.switches,
                **{name: context[name] for name in ("slices", "attention", "widths")}}
