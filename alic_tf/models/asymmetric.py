"""The asymmetric model: a transform pair and an entropy model, assembled from switches."""

import keras
from keras import ops

from alic_tf.layers.quality import quality_knots
from alic_tf.models.entropy_models import ParallelEntropyModel, SerialEntropyModel
from alic_tf.models.transform_pairs import ConvolutionalTransform, PacketTransform

TRANSFORMS = {"convolutional": ConvolutionalTransform, "packet": PacketTransform}
CONTEXTS = ("masked", "checkerboard", "ssm")
# Image sides are padded to multiples of this: 16 in the transforms, 4 in the hyper transforms.
STRIDE = 64


@keras.saving.register_keras_serializable(package="alic_tf")
class Asymmetric(keras.Model):
    """Learned image codec of Fu et al., its light successor, and what lies between.

        image -> analyze -> latent -> entropy model -> bits
                                           `-> latent_hat -> synthesize -> image

    Args:
        transform: dictionary, "kind" ("convolutional" or "packet") and the arguments of
            `ConvolutionalTransform` or `PacketTransform`.
        entropy: dictionary, "context" ("masked", "checkerboard" or "ssm") and the arguments of
            `SerialEntropyModel` (masked) or `ParallelEntropyModel` (the others).
        lambdas: lambda of each whole quality, ascending; one for a model of one rate.

    Call:
        (image, quality): float [b, h, w, 3] in 0..1, sides multiples of 64, and float [b].

    Returns:
        dictionary: image [b, h, w, 3], unclipped; bits, hyper_bits, filter_loss, each [b].

    Raises:
        ValueError: a switch is none of those allowed, or several lambdas for a transform of one
            rate.
    """

    def __init__(self, transform, entropy, lambdas, **kwargs):
        # The layers have policies of their own; images and losses stay in full precision.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.transform_config, self.entropy_config = dict(transform), dict(entropy)
        self.lambdas = tuple(lambdas)
        self.qualities = len(self.lambdas)
        kind = transform.get("kind")
        if kind not in TRANSFORMS:
            raise ValueError(f"transform kind must be one of {tuple(TRANSFORMS)}, not {kind!r}")
        if kind == "convolutional" and self.qualities > 1:
            raise ValueError(f"a convolutional transform has one lambda, not {self.qualities}")
        options = {k: v for k, v in transform.items() if k != "kind"}
        if kind == "packet":
            options["lambdas"] = self.lambdas
        self.transform = TRANSFORMS[kind](
            **options, dtype=keras.config.dtype_policy(), name="transform"
        )
        self.entropy = self._make_entropy(**entropy)
        self.transform.build()
        self.entropy.build()
        self.built = True

    def _make_entropy(self, context="masked", **options):
        latents = self.transform.latents
        if context == "masked":
            return SerialEntropyModel(latents, name="entropy", **options)
        if context not in CONTEXTS:
            raise ValueError(f"context must be one of {CONTEXTS}, not {context!r}")
        mixture = options.pop("mixture", "gaussian")
        if mixture != "gaussian":
            raise ValueError(
                f"context {context!r} predicts one Gaussian: mixture must be 'gaussian', "
                f"not {mixture!r}"
            )
        options = {"groups": (latents,), **options}
        model = ParallelEntropyModel(
            qualities=self.qualities, context=context, name="entropy", **options
        )
        if model.latents != latents:
            raise ValueError(f"groups {model.groups} must add up to {latents} latents")
        return model

    @property
    def latents(self):
        """Number of latent channels."""
        return self.transform.latents

    def knots(self, quality):
        """Interpolation weights [b, qualities] of real qualities [b]."""
        return quality_knots(quality, self.qualities)

    def call(self, inputs, training=False):
        image, quality = inputs
        knots = self.knots(quality)
        latent, unit = self.transform.analyze(image, knots)
        coded = self.entropy(latent, unit, knots, training=training)
        image_hat, filtered = self.transform.synthesize(coded["latent_hat"], knots)
        return {
            "image": image_hat,
            "bits": coded["bits"],
            "hyper_bits": coded["hyper_bits"],
            "filter_loss": ops.mean(ops.square(filtered - latent), axis=(1, 2, 3)),
        }

    def analyze(self, image, quality):
        """What the codec codes: (latent [b, h / 16, w / 16, M], hyper latent), not rounded.

        The hyper latent is counted from the medians of its prior.
        """
        latent = self.latent(image, quality)
        return latent, self.hyper_latent(latent, quality)

    def latent(self, image, quality):
        """The first part of `analyze`: the latent [b, h / 16, w / 16, M]."""
        return self.transform.analyze(image, self.knots(quality))[0]

    def hyper_latent(self, latent, quality):
        """The second part of `analyze`: the hyper latent, from the latent."""
        knots = self.knots(quality)
        z = self.entropy.hyper_latent(latent, self.transform.unit(knots), knots)
        return z - self.entropy.prior.medians

    def synthesize(self, latent_hat, quality):
        """The image [b, 16 h, 16 w, 3] of a decoded latent, unclipped."""
        return self.transform.synthesize(latent_hat, self.knots(quality))[0]

    def estimate(self, latent_hat, z, quality):
        """Ideal bits [b] of a decoded latent and hyper latent (whole, counted from medians)."""
        knots = self.knots(quality)
        unit = self.transform.unit(knots)
        return self.entropy.rate(
            latent_hat, z + self.entropy.prior.medians, unit, knots
        )

    def get_config(self):
        return {
            **super().get_config(),
            "transform": self.transform_config,
            "entropy": self.entropy_config,
            "lambdas": self.lambdas,
        }
