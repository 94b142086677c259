"""The light model's entropy model in TensorFlow operations; see `ExactParallelModel`."""

import numpy as np
import tensorflow as tf

from alic_tf.integer.fixed_point import FRACTION_BITS
from alic_tf.integer.model import HALF, HYPER_STRIDE
from alic_tf.serving.entropy_model import EntropyModel
from alic_tf.serving.mixture import Mixture
from alic_tf.serving.networks import (
    Convolution,
    Scan,
    multiply,
    saturate,
    shift_left,
    shift_right,
    stored,
)


class _Pass(tf.Module):
    """Networks of one pass; see `ExactPass`."""

    def __init__(self, exact):
        super().__init__()
        self.head = [Convolution(layer) for layer in exact.head]
        self.embed = exact.embed and Convolution(exact.embed)
        self.local = exact.local and Convolution(exact.local)
        self.scan = exact.scan and Scan(exact.scan)

    def __call__(self, hyper, known, positions, height, width):
        """Parameters (n, outputs) at n positions.

        Args:
            hyper: (height * width, P).
            known: (height * width, K).
            positions: numbers of the positions wanted.
        """
        features = [tf.gather(hyper, positions)]
        if self.embed is not None:
            embedded = self.embed(known)
            channels = embedded.shape[-1]
            embedded = tf.reshape(embedded, [1, height, width, channels])
            for branch in [self.local] + ([self.scan] if self.scan else []):
                x = tf.reshape(branch(embedded), [-1, channels])
                features.append(tf.gather(x, positions))
        x = tf.concat(features, -1)
        for layer in self.head:
            x = layer(x)
        return x


class ParallelModel(EntropyModel):
    """An `ExactParallelModel`; see `EntropyModel`."""

    def __init__(self, exact):
        super().__init__(exact)
        self.passes = [_Pass(network) for network in exact.networks]
        self.qualities = {name: stored(array) for name, array in exact.qualities.arrays().items()}
        self.lowest_coded_level = stored(np.int64(exact.lowest_coded_level))
        self._groups = exact.groups

    def code(self, coder, active, step, height, width, y=None, z=None):
        z = self.prior.code(coder, height // HYPER_STRIDE, width // HYPER_STRIDE, z)
        hyper = self._hyper_output(z, step)
        parity = (tf.range(height)[:, None] + tf.range(width)) % 2
        halves = [tf.where(tf.reshape(parity, [-1]) == p)[:, 0] for p in (0, 1)]
        latent, known, start = [], [], 0
        for group, size in enumerate(self._groups):
            own = slice(start, start + size)
            part = tf.zeros([height * width, size], tf.int64)
            for half, positions in enumerate(halves):
                reciprocals = self.qualities["reciprocals"][step, own]
                visible = known + [multiply(tf.cast(part, tf.float64), reciprocals)] * half
                visible = tf.concat(visible, -1) if visible else None
                parameters = self.passes[2 * group + half](hyper, visible, positions, height, width)
                target = None
                if y is not None:
                    target = tf.gather(tf.reshape(y[..., own], [-1, size]), positions)
                values = self._code_pass(coder, step, own, parameters, target)
                part = tf.tensor_scatter_nd_update(part, positions[:, None], values)
            known.append(multiply(tf.cast(part, tf.float64), reciprocals))
            latent.append(part)
            start += size
        return tf.reshape(tf.concat(latent, -1), [height, width, start]), z

    def _hyper_output(self, z, step):
        x = multiply(self.prior.values(z), self.qualities["hyper_gains"][step])[None]
        for layer in self.hyper:
            x = layer(x)
        x = saturate(x + tf.cast(self.qualities["hyper_biases"][step], tf.float64))
        return tf.reshape(x, [-1, x.shape[-1]])

    def _code_pass(self, coder, step, own, parameters, target):
        """Values (n, size) of the channels `own` at n positions, as they will be decoded."""
        means, log2_scales = tf.split(parameters, 2, axis=-1)
        means = tf.cast(multiply(means, self.qualities["units"][step, own]), tf.int64)
        log2_scales += tf.cast(self.qualities["log2_units"][step, own], tf.float64)
        log2_scales = tf.maximum(log2_scales, tf.cast(self.qualities["smallest_scale"], tf.float64))
        levels = tf.reshape(self.tables.levels_of_log2(tf.cast(log2_scales, tf.int64)), [-1])
        coded = tf.where(levels >= self.lowest_coded_level)
        levels = tf.gather(levels, coded[:, 0])[None]
        mixture = Mixture.of_levels(self.tables, ("gaussian",), tf.zeros_like(levels), levels)
        symbols = None
        if target is not None:
            symbols = shift_right(target - means + HALF, FRACTION_BITS)
            symbols = tf.gather(tf.reshape(symbols, [-1]), coded[:, 0])
        symbols = coder.code(mixture, symbols)
        symbols = tf.scatter_nd(coded, symbols, tf.size(means, tf.int64)[None])
        return shift_left(tf.reshape(symbols, tf.shape(means)), FRACTION_BITS) + means
