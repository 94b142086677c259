"""The model of a codec: a transform pair and an entropy model, assembled from switches."""

import math

import keras
from keras import ops

from alic_tf.layers.quality import quality_knots
from alic_tf.networks import limits
from alic_tf.networks.entropy.channel import ChannelEntropyModel
from alic_tf.networks.entropy.factorized import FactorizedEntropyModel
from alic_tf.networks.entropy.masked import MaskedEntropyModel
from alic_tf.networks.entropy.model import Quality
from alic_tf.networks.entropy.parallel import ParallelEntropyModel
from alic_tf.networks.invertible import InvertibleTransform
from alic_tf.networks.quantized_transform import QuantizedTransform
from alic_tf.networks.residual_transform import ResidualTransform
from alic_tf.networks.transform_pair import Step
from alic_tf.networks.transform_pairs import ConvolutionalTransform, PacketTransform

TRANSFORMS = {
    "convolutional": ConvolutionalTransform,
    "packet": PacketTransform,
    "residual": ResidualTransform,
    "quantized": QuantizedTransform,
    "invertible": InvertibleTransform,
}
# By the values of the switch "context" that stand for them.
ENTROPY_MODELS = {
    context: family
    for family in (MaskedEntropyModel, ParallelEntropyModel, FactorizedEntropyModel,
                   ChannelEntropyModel)
    for context in family.integer.contexts
}


@keras.saving.register_keras_serializable(package="alic_tf")
class CompressionModel(keras.Model):
    """Learned image codec: any transform pair with any entropy model.

        image -> analyze -> latent -> entropy model -> bits
                                           `-> latent_hat -> synthesize -> image

    Args:
        transform: dictionary, "kind", one of `TRANSFORMS`, and the arguments of its class.
        entropy: dictionary, "context", one of `ENTROPY_MODELS`, and the arguments of its class.
        lambdas: lambda of each whole quality, ascending; one for a model of one rate.

    Call:
        (image, quality): float [b, h, w, 3] in 0..1, sides multiples of `stride`, and float [b].

    Returns:
        dictionary: image [b, h, w, 3], unclipped; bits, hyper_bits, filter_loss, each [b].

    Attributes:
        latents: number of latent channels.
        latent_stride, hyper_stride: pixels a sample of the latent and of the hyper latent.
        stride: pixels of which image sides are multiples.
        reach: how far its steps look, see `alic_tf.networks.reach`; None until it is known.

    Raises:
        ValueError: a switch is none of those allowed, a number is out of `limits`, or there are
            several lambdas for a transform of one rate.
    """

    def __init__(self, transform, entropy, lambdas, **kwargs):
        # The layers have policies of their own; images and losses stay in full precision.
        super().__init__(**{**kwargs, "dtype": "float32"})
        limits.check(transform, entropy, lambdas)
        self.transform_config, self.entropy_config = dict(transform), dict(entropy)
        self.lambdas = tuple(lambdas)
        self.qualities = len(self.lambdas)
        self.reach = None
        kind = transform.get("kind")
        if kind not in TRANSFORMS:
            raise ValueError(f"transform kind must be one of {tuple(TRANSFORMS)}, not {kind!r}")
        options = {k: v for k, v in transform.items() if k != "kind"}
        if TRANSFORMS[kind].variable_rate:
            options["lambdas"] = self.lambdas
        elif self.qualities > 1:
            raise ValueError(f"a {kind} transform has one lambda, not {self.qualities}")
        self.transform = TRANSFORMS[kind](
            **options, dtype=keras.config.dtype_policy(), name="transform"
        )
        entropy = {"context": "masked", **entropy}
        if entropy["context"] not in ENTROPY_MODELS:
            raise ValueError(
                f"context must be one of {tuple(ENTROPY_MODELS)}, not {entropy['context']!r}"
            )
        self.latents = self.transform.latents
        self.entropy = ENTROPY_MODELS[entropy["context"]].for_latents(
            self.latents, self.qualities, name="entropy", **entropy
        )
        self.latent_stride = self.transform.stride
        self.hyper_stride = self.latent_stride * self.entropy.hyper_stride
        self.stride = math.lcm(self.latent_stride * self.entropy.alignment, self.transform.block)
        self.transform.build()
        self.entropy.build()
        self.built = True

    def knots(self, quality):
        """Interpolation weights [b, qualities] of real qualities [b]."""
        return quality_knots(quality, self.qualities)

    def call(self, inputs, training=False):
        if not (isinstance(inputs, tuple | list) and len(inputs) == 2):
            raise ValueError("call the model with (image, quality), float [b, h, w, 3] in 0..1 and "
                             "float [b]; files are made by alic_tf.encode")
        image, quality = inputs
        knots = self.knots(quality)
        latent, unit = self.transform.analyze(image, knots)
        coded = self.entropy(latent, Quality(unit, knots), training=training)
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

    def steps(self):
        """Lists of `Step`s: "analysis", of `latent`; "hyper_latent"; "synthesis"."""
        hyper = Step(self.hyper_latent, self.latents, self.latent_stride, self.hyper_stride,
                     self.stride, self.transform.tile)
        steps = {"analysis": [*map(self._of_quality, self.transform.analysis_steps())],
                 "hyper_latent": [hyper],
                 "synthesis": [*map(self._of_quality, self.transform.synthesis_steps())]}
        if self.reach is None:
            return steps
        return {name: [step._replace(reach=n) for step, n in zip(found, self.reach[name])]
                for name, found in steps.items()}

    def _of_quality(self, step):
        def function(x, quality):
            return step.function(x, self.knots(quality))

        return step._replace(function=function)

    def hyper_latent(self, latent, quality):
        """The second part of `analyze`: the hyper latent, from the latent."""
        z = self.entropy.hyper_latent(latent, self._quality(quality))
        return z - self.entropy.prior.medians

    def synthesize(self, latent_hat, quality):
        """The image [b, 16 h, 16 w, 3] of a decoded latent, unclipped."""
        return self.transform.synthesize(latent_hat, self.knots(quality))[0]

    def estimate(self, latent_hat, z, quality):
        """Ideal bits [b] of a decoded latent and hyper latent (whole, counted from medians)."""
        z_hat = z + self.entropy.prior.medians
        return self.entropy.rate(latent_hat, z_hat, self._quality(quality))

    def spending(self, latent_hat, z, quality, smallest_coded=0.0):
        """Ideal bits [b, h, w] of each position of a decoded latent, all channels together.

        Each has its share of those of the hyper latent; arguments as of `estimate`, and see
        `EntropyModel.coded`.
        """
        found, _ = self.entropy.coded(
            latent_hat, z, self._quality(quality), smallest_coded=smallest_coded)
        total = 0.0
        for bits in found:
            ratio = latent_hat.shape[1] // bits.shape[1]
            share = ops.sum(bits, axis=-1) / ratio**2
            total += ops.repeat(ops.repeat(share, ratio, 1), ratio, 2)
        return total

    def _quality(self, quality):
        """The `Quality` of real qualities [b]."""
        knots = self.knots(quality)
        return Quality(self.transform.unit(knots), knots)

    def get_config(self):
        return {
            **super().get_config(),
            "transform": self.transform_config,
            "entropy": self.entropy_config,
            "lambdas": self.lambdas,
        }
