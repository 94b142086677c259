"""Context models decoded in a few parallel passes: checkerboard and channel groups, state space."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.lower_bound import lower_bound
from alic_tf.layers.state_space import StateSpace

CONTEXTS = ("checkerboard", "ssm")
SMALLEST_SCALE = 0.11


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
        local = self.width // 2
        if self.known:
            self.embed.build((*grid, known_shape[-1]))
            self.local.build((*grid, local))
            channels += local
            if self.state_space:
                self.scan.build((*grid, local))
                channels += local
        for layer, n in zip(self.head, (channels, self.width, self.width)):
            layer.build((*grid, n))
        self.built = True

    def call(self, hyper, known=None):
        features = [hyper]
        if self.known:
            embedded = self.embed(known)
            features.append(self.local(embedded))
            if self.state_space:
                features.append(self.scan(embedded))
        x = ops.concatenate(features, axis=-1)
        for layer in self.head:
            x = layer(x)
        return x

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
        Returns (mean, scale, latent_hat), each [b, h, w, M], in quantization steps. latent_hat
        passes gradients straight through to latent.

    Raises:
        ValueError: unknown context.
    """

    def __init__(self, groups, width=128, context="ssm", **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if context not in CONTEXTS:
            raise ValueError(f"context must be one of {CONTEXTS}, not {context!r}")
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

    def call(self, latent, hyper, unit):
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
                rounded = ops.round(part - pass_mean) + pass_mean
                part_hat = part_hat + mask * (part + ops.stop_gradient(rounded - part))
                mean = mean + mask * pass_mean
                # The bounds only keep powers finite; the codec's scale table is far narrower.
                scale = scale + mask * ops.power(2.0, ops.clip(parameters[..., size:], -16, 16))
            means.append(mean)
            scales.append(lower_bound(scale * part_unit, SMALLEST_SCALE))
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
