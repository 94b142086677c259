"""What all entropy models have: hyperprior and context together, from a latent to its rate."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from alic_tf.networks.entropy.priors import DeepFactorized


def round_straight_through(x, rounded):
    """`rounded`, with the gradient of x."""
    return x + ops.stop_gradient(rounded - x)


def nearest(deviation, scale=None):
    """Rounding as the coder does it, with the gradient of the deviation."""
    return round_straight_through(deviation, ops.round(deviation))


def total(bits):
    """Sum [b] over all but the first axis."""
    return ops.sum(bits, axis=(1, 2, 3))


class Quality(NamedTuple):
    """What an entropy model of several rates knows of the quality.

    Fields:
        unit: float32 [b, 1, 1, M], usual size of each channel of the latent, or 1.
        knots: [b, qualities] of `quality_knots`, or None.
    """

    unit: object = 1.0
    knots: object = None


# Models of one rate do not look at it.
ONE_RATE = Quality()


class EntropyModel(keras.layers.Layer):
    """Rate of a latent under a hyperprior and a context model.

        latent -> hyper analysis -> z -> round -> prior -> hyper bits
                                          `-> hyper synthesis -> context(latent_hat) -> bits

    Call:
        latent: float32 [b, h, w, M] in quantization steps, h and w multiples of `alignment`.
        quality: `Quality`.
        training: with True, noise stands for rounding in the rate.

    Returns:
        dictionary: bits [b], hyper_bits [b], latent_hat [b, h, w, M] (straight-through).

    `hyper_latent` and `rate` give the codec what it needs, `coded` what searches for latents that
    cost less, and `for_latents` builds one from the switches of a model: (latents, qualities,
    **switches), among them the context. `integer_parts`
    says what its file holds, of a function from knots to the unit: layers, lists and
    dictionaries of layers, and `IntegerTables`, by the name under which their integers stand;
    numbers, in a `Fixed` where they follow from the configuration. See
    `alic_tf.networks.to_integer`.

    Attributes:
        integer: class of its integer counterpart.
        hyper_stride: latent samples a sample of the hyper latent, each way.
        alignment: latent samples by which a shifted latent gives the same distributions, shifted.
    """

    hyper_stride = 4

    def __init__(self, latents, hyper_latents, prior_filters=(3, 3, 3), prior=None, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.latents = latents
        self.prior = prior or DeepFactorized(hyper_latents, prior_filters, name="prior")
        self.seed_generator = keras.random.SeedGenerator(1)

    @classmethod
    def for_latents(cls, latents, qualities, context, **switches):
        return cls(latents, **switches)

    @property
    def alignment(self):
        return self.hyper_stride

    def coded(self, latent, z, quality=ONE_RATE, rounding=nearest, smallest_coded=0.0):
        """What comes of a latent and a hyper latent by some kind of rounding.

        Args:
            latent: float32 [b, h, w, M].
            z: float32 [b, h / 4, w / 4, any], counted from the medians of the prior.
            quality: `Quality`.
            rounding: function of deviations from means, and of the scales there or None where
                none are known yet, that returns the deviations that are coded.
            smallest_coded: scale below which elements equal their means, at no bits, in models
                that skip such.

        Returns:
            (bits, latent_hat): ideal ones of both, [b, h, w, M] and [b, h / 4, w / 4, any], as a
            list; and what is decoded, [b, h, w, M].
        """
        raise NotImplementedError

    def rate(self, latent_hat, z_hat, quality=ONE_RATE):
        """Ideal bits [b] of a decoded latent and a rounded hyper latent."""
        bits, _ = self.coded(latent_hat, z_hat - self.prior.medians, quality)
        return sum(map(total, bits))

    def _rounded_hyper_latent(self, z, rounding):
        """(bits, z_hat) of a hyper latent that is counted from the medians."""
        z_hat = rounding(z, None) + self.prior.medians
        return -ops.log(self.prior.likelihood(z_hat)) / np.log(2.0), z_hat

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
