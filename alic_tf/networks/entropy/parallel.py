"""The family `parallel`: a few passes by channel groups and checkerboard, with state space."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from alic_tf import topology
from alic_tf.bitstream.quality_steps import STEPS_PER_QUALITY, quality_of_step
from alic_tf.integer.parallel import LOWEST_CODED_LEVEL, ExactParallelModel
from alic_tf.integer.stored import Fixed
from alic_tf.integer.tables import IntegerTables
from alic_tf.layers import arithmetic
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.lower_bound import lower_bound
from alic_tf.layers.quality import QualityVector, quality_knots
from alic_tf.layers.sequence import build_sequence
from alic_tf.layers.state_space import StateSpace
from alic_tf.networks.entropy.distributions import SMALLEST_SCALE, gaussian_bits
from alic_tf.networks.entropy.model import EntropyModel, nearest, total
from alic_tf.networks.stack import ConvolutionStack


def checkerboard(height, width, parity):
    """Mask [1, height, width, 1], float32: 1 where (row + column) % 2 equals `parity`."""
    cells = ops.arange(height)[:, None] + ops.arange(width)[None, :]
    return ops.cast(cells % 2 == parity, "float32")[None, :, :, None]


@keras.saving.register_keras_serializable(package="alic_tf")
class PassParameters(keras.layers.Layer):
    """Entropy parameters of one pass, from the hyper output and what earlier passes decoded.

        known -> 1x1 L -+-> 3x3 (local) ---------.
                        `-> state space (global) -+-> 1x1 L -> 1x1 L -> 1x1 -> parameters
        hyper output -----------------------------'

    Args:
        outputs: number of output channels.
        width: channels of the local and of the hidden layers are width / 2 and width.
        known: whether any earlier pass exists.
        state_space: whether the global branch exists.

    Call:
        hyper: [b, h, w, P]; known: [b, h, w, K] or None. Returns [b, h, w, outputs].
    """

    def __init__(self, outputs, width, known, state_space, **kwargs):
        super().__init__(**kwargs)
        self.outputs, self.width = outputs, width
        self.known, self.state_space = known, state_space
        local, options = width // 2, {"dtype": self.dtype_policy}
        leaky = {"activation": "leaky_relu", **options}
        self.embed = self.local = self.scan = None
        if known:
            self.embed = SignalConvolution(local, 1, name="embed", **leaky)
            self.local = SignalConvolution(local, 3, name="local", **options)
            if state_space:
                self.scan = StateSpace(name="scan", **options)
        self.head = [
            SignalConvolution(width, 1, name="head_0", **leaky),
            SignalConvolution(width, 1, name="head_1", **leaky),
            SignalConvolution(outputs, 1, name="head_2", **options),
        ]

    def build(self, hyper_shape, known_shape=None):
        grid, channels = (None, None, None), hyper_shape[-1]
        if self.known:
            embedded = build_sequence(self.embed, (*grid, known_shape[-1]))
            for branch in (self.local, self.scan):
                channels += build_sequence(branch, embedded)[-1] if branch is not None else 0
        build_sequence(self.head, (*grid, channels))
        self.built = True

    def call(self, hyper, known=None):
        features = [hyper, *(topology.pass_features(self, known) if self.known else [])]
        return topology.pass_parameters(self, features, arithmetic)

    def get_config(self):
        return {
            **super().get_config(),
            "outputs": self.outputs,
            "width": self.width,
            "known": self.known,
            "state_space": self.state_space,
        }


@keras.saving.register_keras_serializable(package="alic_tf")
class ParallelContext(keras.layers.Layer):
    """Gaussian parameters of the latent in 2 x groups passes.

    Channel groups are decoded one after the other, each in two passes over the cells of a
    checkerboard. A pass sees the hyper output, all earlier groups and, in its second half, the
    first half of its own group. The latent is coded as the whole number nearest to its distance
    from the predicted mean, and decoded to that number plus the mean. Scales are predicted as
    base-2 logarithms.

    Everything inside is relative to `unit`, the size each channel usually has (its deviation
    times the gain of the quality), so that one network serves all rates.

    Args:
        groups: channels of each group; their sum is the number of latent channels M.
        width: see `PassParameters`.
        context: "checkerboard" (local) or "ssm" (local and global).

    Call:
        latent: float32 [b, h, w, M] in quantization steps; hyper: [b, h, w, P];
        unit: [b, 1, 1, M].
        rounding: see `EntropyModel.coded`.
        Returns (mean, scale, latent_hat), each [b, h, w, M], in quantization steps.

    Raises:
        ValueError: unknown context.
    """

    def __init__(self, groups, width=128, context="ssm", **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        contexts = ExactParallelModel.contexts
        if context not in contexts:
            raise ValueError(f"context must be one of {contexts}, not {context!r}")
        self.groups = tuple(groups)
        self.width = width
        self.context = context
        self.passes = [
            PassParameters(
                2 * size,
                width,
                known=group + parity > 0,
                state_space=context == "ssm",
                dtype="float32",
                name=f"pass_{group}_{parity}",
            )
            for group, size in enumerate(self.groups)
            for parity in (0, 1)
        ]

    def build(self, hyper_shape):
        starts = np.cumsum((0, *self.groups))
        for i, layer in enumerate(self.passes):
            known = starts[i // 2 + i % 2]
            layer.build(hyper_shape, (None, None, None, known))
        self.built = True

    def call(self, latent, hyper, unit, rounding=nearest):
        _, height, width, _ = ops.shape(latent)
        masks = [checkerboard(height, width, parity) for parity in (0, 1)]
        means, scales, decoded, known = [], [], [], []
        start = 0
        for group, size in enumerate(self.groups):
            part = latent[..., start : start + size]
            part_unit = unit[..., start : start + size]
            mean, scale, part_hat = 0.0, 0.0, 0.0
            for parity, mask in enumerate(masks):
                inputs = known + [part_hat / part_unit] * parity
                inputs = ops.concatenate(inputs, axis=-1) if inputs else None
                parameters = self.passes[2 * group + parity](hyper, inputs)
                pass_mean = parameters[..., :size] * part_unit
                # The bounds only keep powers finite; the codec's scale table is far narrower.
                pass_scale = ops.power(2.0, ops.clip(parameters[..., size:], -16, 16)) * part_unit
                pass_scale = lower_bound(pass_scale, SMALLEST_SCALE)
                deviation = rounding(part - pass_mean, pass_scale)
                part_hat = part_hat + mask * (pass_mean + deviation)
                mean, scale = mean + mask * pass_mean, scale + mask * pass_scale
            means.append(mean)
            scales.append(scale)
            decoded.append(part_hat)
            known.append(part_hat / part_unit)
            start += size
        return tuple(ops.concatenate(parts, axis=-1) for parts in (means, scales, decoded))

    def get_config(self):
        return {
            **super().get_config(),
            "groups": self.groups,
            "width": self.width,
            "context": self.context,
        }


class QualityVectors(NamedTuple):
    """What depends on the quality, for each step of quality.

    Fields:
        entropy: a `ParallelEntropyModel`.
        unit: function of knots, returns the usual size of each channel of the latent.
    """

    entropy: "ParallelEntropyModel"
    unit: callable

    @property
    def steps(self):
        return np.arange((self.entropy.qualities - 1) * STEPS_PER_QUALITY + 1)

    def sizes(self):
        """Numbers of steps, of channels of the latent and of the hyper latent, and P."""
        entropy = self.entropy
        return len(self.steps), entropy.latents, entropy.hyper_latents, entropy.hyper_filters

    def evaluated(self):
        """(units, gains of the rounded hyper latent, hyper biases), each (steps, any)."""
        entropy, steps = self.entropy, self.steps
        knots = quality_knots(quality_of_step(steps).astype("float32"), entropy.qualities)
        units = np.broadcast_to(self.unit(knots), (len(steps), 1, 1, entropy.latents))
        vectors = units, entropy.hyper_inverse_gain(knots), entropy.hyper_bias(knots)
        return [np.asarray(vector)[:, 0, 0] for vector in vectors]


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

    integer = ExactParallelModel

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

    def integer_parts(self, unit):
        hyper = {f"hyper_{i}": layer
                 for i, layer in enumerate(self.hyper_synthesis.layers_sequence)}
        passes = {f"pass_{i}/{name}": layer for i, network in enumerate(self.context.passes)
                  for name, layer in topology.pass_parts(network).items()}
        return {"prior": self.prior, "tables": IntegerTables.generate(),
                "qualities": QualityVectors(self, unit), **hyper, **passes,
                "groups": Fixed(self.groups), "lowest_coded_level": LOWEST_CODED_LEVEL}

    def hyper_latent(self, latent, quality):
        """The hyper latent z [b, h / 4, w / 4, hyper latents], not rounded."""
        return self.hyper_analysis(latent / quality.unit) * self.hyper_gain(quality.knots)

    def hyper_output(self, z_hat, knots):
        """Features [b, 4 h, 4 w, hyper filters] of the rounded hyper latent."""
        z_hat = z_hat * self.hyper_inverse_gain(knots)
        return self.hyper_synthesis(z_hat) + self.hyper_bias(knots)

    def coded(self, latent, z, quality, rounding=nearest, smallest_coded=0.0):
        def of_coded(deviation, scale):
            return ops.where(scale < smallest_coded, 0.0, rounding(deviation, scale))

        hyper_bits, z_hat = self._rounded_hyper_latent(z, rounding)
        hyper = self.hyper_output(z_hat, quality.knots)
        mean, scale, latent_hat = self.context(latent, hyper, quality.unit, rounding=of_coded)
        bits = ops.where(scale < smallest_coded, 0.0, gaussian_bits(latent_hat - mean, scale))
        return [bits, hyper_bits], latent_hat

    def call(self, latent, quality, training=False):
        z = self.hyper_latent(latent, quality)
        z_hat, hyper_bits = self._code_hyper_latent(z, training)
        hyper = self.hyper_output(z_hat, quality.knots)
        mean, scale, latent_hat = self.context(latent, hyper, quality.unit)
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
