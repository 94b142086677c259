"""The channel-wise entropy model in TensorFlow operations; see `ExactChannelModel`."""

import numpy as np
import tensorflow as tf

from alic_tf import topology
from alic_tf.integer.channel import ExactChannelModel, ExactSlice
from alic_tf.integer.fixed_point import FRACTION_BITS
from alic_tf.integer.model import HALF
from alic_tf.serving.arithmetic import half_tanh, saturate, shift_left, shift_right, stored
from alic_tf.serving.entropy_model import EntropyModel
from alic_tf.serving.mixture import Mixture
from alic_tf.serving.networks import served


class _Slice(tf.Module):
    """Networks of a slice; see `ExactSlice`."""

    def __init__(self, exact):
        super().__init__()
        for name in ExactSlice.NAMES:
            setattr(self, name, served(getattr(exact, name)))
        self.channels = exact.channels


class ChannelModel(EntropyModel):
    """An `ExactChannelModel`; see `EntropyModel`."""

    integer = ExactChannelModel

    def __init__(self, exact):
        super().__init__(exact)
        self.hyper = [served(decoder) for decoder in exact.hyper]
        self.slices = [_Slice(network) for network in exact.slices]
        self.smallest_scale = stored(np.float64(exact.smallest_scale))

    def code(self, coder, active, step, height, width, y=None, z=None):
        z = self.prior.code(coder, height // self.hyper_stride, width // self.hyper_stride, z)
        x = self.prior.values(z)[None]
        features = [topology.apply(decoder, x) for decoder in self.hyper]
        latent, start = [], 0
        for network in self.slices:
            known = [saturate(tf.cast(part, tf.float64))[None] for part in latent]
            seen = [tf.concat([x, *known], -1) for x in features]
            support, means = topology.slice_mean(network, seen[0])
            scales = topology.slice_scale(network, seen[1])
            target = None if y is None else y[..., start:start + network.channels]
            part = self._code_slice(coder, tf.cast(means[0], tf.int64), scales, target)
            decoded = saturate(tf.cast(part, tf.float64))[None]
            residual = topology.apply(network.residual, tf.concat([support, decoded], -1))
            latent.append(part + tf.cast(half_tanh(residual[0]), tf.int64))
            start += network.channels
        return tf.concat(latent, -1), z

    def _code_slice(self, coder, means, scales, target):
        """Elements (height, width, channels) of a slice, int64, before residuals are added."""
        scales = tf.cast(tf.maximum(scales, self.smallest_scale), tf.int64)
        levels = self.tables.levels_of_scales(tf.reshape(scales, [1, -1]))
        centres = tf.zeros_like(levels, tf.int64)
        mixture = Mixture.of_levels(self.tables, ("gaussian",), centres, levels)
        symbols = None
        if target is not None:
            symbols = tf.reshape(shift_right(target - means + HALF, FRACTION_BITS), [-1])
        symbols = tf.reshape(coder.code(mixture, symbols), tf.shape(means))
        return shift_left(symbols, FRACTION_BITS) + means
