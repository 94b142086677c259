"""Entropy models: hyperprior and context together, from a latent to its rate."""

import keras
import numpy as np
from keras import ops

from alic_tf.entropy.context import MaskedContext
from alic_tf.entropy.distributions import gaussian_bits
from alic_tf.entropy.parallel_context import ParallelContext
from alic_tf.entropy.priors import DeepFactorized
from alic_tf.layers.quality import QualityVector
from alic_tf.networks.hyperprior import HyperAnalysis, HyperSynthesis
from alic_tf.networks.stack import ConvolutionStack


def round_straight_through(x, rounded):
    """`rounded`, with the gradient of x."""
    return x + ops.stop_gradient(rounded - x)


def total(bits):
    """Sum [b] over all but the first axis."""
    return ops.sum(bits, axis=(1, 2, 3))


class EntropyModel(keras.layers.Layer):
    """Rate of a latent under a hyperprior and a context model.

        latent -> hyper analysis -> z -> round -> prior -> hyper bits
                                          `-> hyper synthesis -> context(latent_hat) -> bits

    Call:
        latent: float32 [b, h, w, M] in quantization steps, h and w multiples of `alignment`.
        unit: float32 [b, 1, 1, M], usual size of each channel, or 1.
        knots: [b, qualities] of `quality_knots`.
        training: with True, noise stands for rounding in the rate.

    Returns:
        dictionary: bits [b], hyper_bits [b], latent_hat [b, h, w, M] (straight-through).

    `hyper_latent` and `rate` give the codec what it needs, and `for_latents` builds one from the
    switches of a model: (latents, qualities, **switches), among them the context.

    Attributes:
        hyper_stride: latent samples a sample of the hyper latent, each way.
        alignment: latent samples by which a shifted latent gives the same distributions, shifted.
    """

    hyper_stride = 4

    def __init__(self, latents, hyper_latents, prior_filters=(3, 3, 3), prior=None, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.latents = latents
        self.prior = prior or DeepFactorized(hyper_latents, prior_filters, name="prior")
        self.seed_generator = keras.random.SeedGenerator(1)

    @property
    def alignment(self):
        return self.hyper_stride

    def _hyper_bits(self, z_hat):
        """Bits [b] of a rounded hyper latent."""
        return -total(ops.log(self.prior.likelihood(z_hat))) / np.log(2.0)

    def _noisy(self, x):
        return x + keras.random.uniform(ops.shape(x), -0.5, 0.5, seed=self.seed_generator)

    def _code_hyper_latent(self, z, training):
        """(z rounded straight through, its bits [b])."""
        _, likelihood = self.prior(z, training=training)
        bits = -total(ops.log(likelihood)) / np.log(2.0)
        return round_straight_through(z, self.prior.round(z)), bits


@keras.saving.register_keras_serializable(package="alic_tf")
class SerialEntropyModel(EntropyModel):
    """The paper's entropy model: masked 5x5 context and a mixture; the latent itself is rounded.

    Args:
        latents: number N of latent channels.
        mixture: "gaussian", "gmm" or "gllmm".

    Source: Fu et al. 2022, section III-D; GLLMM: arXiv 2107.06463.
    """

    def __init__(self, latents, mixture="gmm", **kwargs):
        super().__init__(latents, latents, **kwargs)
        self.mixture = mixture
        self.hyper_analysis = HyperAnalysis(latents, dtype="float32", name="hyper_analysis")
        self.hyper_synthesis = HyperSynthesis(latents, dtype="float32", name="hyper_synthesis")
        self.context = MaskedContext(latents, mixture, dtype="float32", name="context")

    @classmethod
    def for_latents(cls, latents, qualities, context, **switches):
        return cls(latents, **switches)

    def build(self, input_shape=None):
        shape = (None, None, None, self.latents)
        for layer in (self.prior, self.hyper_analysis, self.hyper_synthesis):
            layer.build(shape)
        self.context.build((None, None, None, 2 * self.latents), shape)
        self.built = True

    def hyper_latent(self, latent, unit=1.0, knots=None):
        """The hyper latent z [b, h / 4, w / 4, N], not rounded."""
        return self.hyper_analysis(latent)

    def distribution(self, z_hat, latent_hat):
        """`Mixture` of each latent element given the rounded hyper latent and latent."""
        return self.context(self.hyper_synthesis(z_hat), latent_hat)

    def rate(self, latent_hat, z_hat, unit=1.0, knots=None):
        """Ideal bits [b] of a rounded latent and hyper latent."""
        bits = self.distribution(z_hat, latent_hat).bits(latent_hat)
        return total(bits) + self._hyper_bits(z_hat)

    def call(self, latent, unit=1.0, knots=None, training=False):
        z_hat, hyper_bits = self._code_hyper_latent(self.hyper_latent(latent), training)
        latent_hat = round_straight_through(latent, ops.round(latent))
        values = self._noisy(latent) if training else latent_hat
        # As the authors do, the context sees in training the values whose rate is counted.
        bits = self.distribution(z_hat, values).bits(values)
        return {"bits": total(bits), "hyper_bits": hyper_bits, "latent_hat": latent_hat}

    def get_config(self):
        return {**super().get_config(), "latents": self.latents, "mixture": self.mixture}


@keras.saving.register_keras_serializable(package="alic_tf")
class ParallelEntropyModel(EntropyModel):
    """The light entropy model: a small hyperprior and `ParallelContext`, at any quality.

    The hyper latent is scaled, and the hyper output shifted, by vectors of the quality.

    Args:
        groups: channels of each group of the latent.
        qualities: number of whole qualities.
        hyper_filters: width of the hyper transforms.
        hyper_latents: channels of the hyper latent.
        context: "checkerboard" or "ssm".
        width: width of the context networks.
    """

    def __init__(self, groups, qualities, hyper_filters=128, hyper_latents=64, context="ssm",
                 width=128, **kwargs):
        super().__init__(int(sum(groups)), hyper_latents, **kwargs)
        self.groups, self.qualities = tuple(groups), qualities
        self.hyper_filters, self.hyper_latents = hyper_filters, hyper_latents
        self.width = width
        leaky = {"filters": hyper_filters, "activation": "leaky_relu"}
        self.hyper_analysis = ConvolutionStack(
            [
                {"kernel_size": 1, **leaky},
                {"kernel_size": 3, "strides": 2, **leaky},
                {"kernel_size": 3, "strides": 2, "filters": hyper_latents},
            ],
            dtype="float32",
            name="hyper_analysis",
        )
        self.hyper_synthesis = ConvolutionStack(
            [
                {"kernel_size": 3, "upsample": 2, "flip": True, **leaky},
                {"kernel_size": 3, "upsample": 2, "flip": True, **leaky},
                {"kernel_size": 1, "filters": hyper_filters},
            ],
            dtype="float32",
            name="hyper_synthesis",
        )
        self.hyper_gain = QualityVector(qualities, hyper_latents, "ones", name="hyper_gain")
        self.hyper_inverse_gain = QualityVector(
            qualities, hyper_latents, "ones", name="hyper_inverse_gain"
        )
        self.hyper_bias = QualityVector(qualities, hyper_filters, name="hyper_bias")
        self.context = ParallelContext(groups, width, context, name="context")

    @classmethod
    def for_latents(cls, latents, qualities, context, mixture="gaussian", **switches):
        if mixture != "gaussian":
            raise ValueError(
                f"context {context!r} predicts one Gaussian: mixture must be 'gaussian', "
                f"not {mixture!r}"
            )
        switches = {"groups": (latents,), **switches}
        model = cls(qualities=qualities, context=context, **switches)
        if model.latents != latents:
            raise ValueError(f"groups {model.groups} must add up to {latents} latents")
        return model

    def build(self, input_shape=None):
        grid = (None, None, None)
        for layer in (self.prior, self.hyper_gain, self.hyper_inverse_gain, self.hyper_bias):
            layer.build()
        self.hyper_analysis.build((*grid, self.latents))
        self.hyper_synthesis.build((*grid, self.hyper_latents))
        self.context.build((*grid, self.hyper_filters))
        self.built = True

    def hyper_latent(self, latent, unit, knots):
        """The hyper latent z [b, h / 4, w / 4, hyper latents], not rounded."""
        return self.hyper_analysis(latent / unit) * self.hyper_gain(knots)

    def hyper_output(self, z_hat, knots):
        """Features [b, 4 h, 4 w, hyper filters] of the rounded hyper latent."""
        z_hat = z_hat * self.hyper_inverse_gain(knots)
        return self.hyper_synthesis(z_hat) + self.hyper_bias(knots)

    def rate(self, latent_hat, z_hat, unit, knots):
        """Ideal bits [b] of a rounded latent and hyper latent."""
        hyper = self.hyper_output(z_hat, knots)
        mean, scale, latent_hat = self.context(latent_hat, hyper, unit)
        return total(gaussian_bits(latent_hat - mean, scale)) + self._hyper_bits(z_hat)

    def call(self, latent, unit, knots, training=False):
        z = self.hyper_latent(latent, unit, knots)
        z_hat, hyper_bits = self._code_hyper_latent(z, training)
        mean, scale, latent_hat = self.context(latent, self.hyper_output(z_hat, knots), unit)
        values = self._noisy(latent) if training else latent_hat
        bits = gaussian_bits(values - mean, scale)
        return {"bits": total(bits), "hyper_bits": hyper_bits, "latent_hat": latent_hat}

    def get_config(self):
        return {
            **super().get_config(),
            "groups": self.groups,
            "qualities": self.qualities,
            "hyper_filters": self.hyper_filters,
            "hyper_latents": self.hyper_latents,
            "context": self.context.context,
            "width": self.width,
        }
