"""The light model's entropy model in TensorFlow operations; see `ExactParallelModel`."""

import numpy as np
import tensorflow as tf

from alic_tf import topology
from alic_tf.integer.fixed_point import FRACTION_BITS
from alic_tf.integer.model import HALF
from alic_tf.integer.parallel import ExactParallelModel
from alic_tf.serving import arithmetic
from alic_tf.serving.arithmetic import saturate, scaled, shift_left, shift_right, stored
from alic_tf.serving.entropy_model import EntropyModel
from alic_tf.serving.mixture import Mixture
from alic_tf.serving.networks import served


class _Pass(tf.Module):
    """Networks of one pass; see `ExactPass`."""

    def __init__(self, exact):
        super().__init__()
        self.head, self.embed = served(exact.head), served(exact.embed)
        self.local, self.scan = served(exact.local), served(exact.scan)

    def __call__(self, hyper, known, positions):
        """Parameters (n, outputs) at n positions.

        Args:
            hyper: (height * width, P).
            known: (1, height, width, K), or None in the first pass.
            positions: numbers of the positions wanted.
        """
        features = [] if known is None else topology.pass_features(self, known)
        features = [hyper, *(tf.reshape(x, [-1, x.shape[-1]]) for x in features)]
        features = [tf.gather(x, positions) for x in features]
        return topology.pass_parameters(self, features, arithmetic)


class ParallelModel(EntropyModel):
    """An `ExactParallelModel`; see `EntropyModel`."""

    integer = ExactParallelModel

    def __init__(self, exact):
        super().__init__(exact)
        self.hyper = served(exact.hyper)
        self.passes = [_Pass(network) for network in exact.networks]
        self.qualities = {name: stored(array) for name, array in exact.qualities.arrays().items()}
        self.lowest_coded_level = stored(np.int64(exact.lowest_coded_level))
        self._groups = exact.groups

    def code(self, coder, active, step, height, width, y=None, z=None):
        z = self.prior.code(coder, height // self.hyper_stride, width // self.hyper_stride, z)
        hyper = self._hyper_output(z, step)
        parity = (tf.range(height)[:, None] + tf.range(width)) % 2
        halves = [tf.where(tf.reshape(parity, [-1]) == p)[:, 0] for p in (0, 1)]
        latent, known, start = [], [], 0
        for group, size in enumerate(self._groups):
            own = slice(start, start + size)
            part = tf.zeros([height * width, size], tf.int64)

            def relative(part, own=own, size=size):
                """What the networks see of a part of the latent."""
                x = scaled(tf.cast(part, tf.float64), self.qualities["reciprocals"][step, own])
                return tf.reshape(x, [1, height, width, size])

            for half, positions in enumerate(halves):
                visible = known + [relative(part)] * half
                visible = tf.concat(visible, -1) if visible else None
                parameters = self.passes[2 * group + half](hyper, visible, positions)
                target = None
                if y is not None:
                    target = tf.gather(tf.reshape(y[..., own], [-1, size]), positions)
                values = self._code_pass(coder, step, own, parameters, target)
                part = tf.tensor_scatter_nd_update(part, positions[:, None], values)
            known.append(relative(part))
            latent.append(part)
            start += size
        return tf.reshape(tf.concat(latent, -1), [height, width, start]), z

    def _hyper_output(self, z, step):
        x = scaled(self.prior.values(z), self.qualities["hyper_gains"][step])[None]
        x = topology.apply(self.hyper, x)
        x = saturate(x + tf.cast(self.qualities["hyper_biases"][step], tf.float64))
        return tf.reshape(x, [-1, x.shape[-1]])

    def _code_pass(self, coder, step, own, parameters, target):
        """Values (n, size) of the channels `own` at n positions, as they will be decoded."""
        means, log2_scales = tf.split(parameters, 2, axis=-1)
        means = tf.cast(scaled(means, self.qualities["units"][step, own]), tf.int64)
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
