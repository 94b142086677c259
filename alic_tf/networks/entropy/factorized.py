"""The family `factorized`: a prior of the latent itself, without side information."""

import keras
from keras import ops

from alic_tf.integer.factorized import ExactFactorizedModel
from alic_tf.networks.entropy.level_prior import LevelPrior
from alic_tf.networks.entropy.model import ONE_RATE, EntropyModel, nearest


@keras.saving.register_keras_serializable(package="alic_tf")
class FactorizedEntropyModel(EntropyModel):
    """Rate of a latent of which each channel has a learned distribution of its own.

    What other entropy models code as their hyper latent is here the latent itself.

    Args:
        latents: number of latent channels.
        noise: (lowest, highest) of the uniform noise that the decoder sees in training in place of
            rounding; None for the rounded latent, with the gradient of the latent.
        rate_gradient: whether the latent learns to cost less. Without, the rate trains the prior
            alone, for a loss that knows the distortion only.
        levels: None for a `DeepFactorized` prior, or the number of levels of a `LevelPrior`.

    Source: Ballé et al., arXiv 1611.01704.
    """

    integer = ExactFactorizedModel
    hyper_stride = 1

    def __init__(self, latents, noise=(-0.5, 0.5), rate_gradient=True, levels=None, **kwargs):
        prior = levels and LevelPrior(latents, levels, name="prior")
        super().__init__(latents, latents, prior=prior, **kwargs)
        self.noise = None if noise is None else tuple(noise)
        self.rate_gradient, self.levels = rate_gradient, levels

    def build(self, input_shape=None):
        self.prior.build()
        # Whole numbers are coded.
        self.prior.medians.assign(ops.zeros((self.latents,)))
        self.built = True

    def integer_parts(self, unit):
        return {"prior": self.prior}

    def hyper_latent(self, latent, quality=ONE_RATE):
        """The latent."""
        return latent

    def coded(self, latent, z, quality=ONE_RATE, rounding=nearest, smallest_coded=0.0):
        # Latent and hyper latent are one.
        bits, latent_hat = self._rounded_hyper_latent(z, rounding)
        return [bits], latent_hat

    def call(self, latent, quality=ONE_RATE, training=False):
        coded = latent if self.rate_gradient else ops.stop_gradient(latent)
        rounded, bits = self._code_hyper_latent(coded, training)
        latent_hat = latent + ops.stop_gradient(rounded - latent)
        if training and self.noise:
            latent_hat = latent + keras.random.uniform(
                ops.shape(latent), *self.noise, seed=self.seed_generator
            )
        return {"bits": bits, "hyper_bits": ops.zeros_like(bits), "latent_hat": latent_hat}

    def get_config(self):
        return {**super().get_config(), "latents": self.latents, "noise": self.noise,
                "rate_gradient": self.rate_gradient, "levels": self.levels}
