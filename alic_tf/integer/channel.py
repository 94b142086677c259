"""The channel-wise entropy model in integers: hyper decoders, slices and their residuals."""

import math
from functools import partial

import numpy as np

from alic_tf import topology
from alic_tf.integer.fixed_point import saturate
from alic_tf.integer.functions import half_tanh
from alic_tf.integer.layers import arrays_of, flatten, recognized, restored_parts
from alic_tf.integer.mixture import IntegerMixture
from alic_tf.integer.model import HYPER_STRIDE, ExactEntropyModel, Part, Prediction
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.stored import numbered, unflatten
from alic_tf.integer.tables import IntegerTables
from alic_tf.tiling import Tiling

# Positions whose mixtures are made together, and the sides of the squares in which large latents go
# through the networks: bounds on memory.
PART = 2048
TILE = 128
# What the hyper decoders are for.
HYPERS = ("mean", "scale")
# Latent samples: attention windows begin at multiples of it.
BLOCK = 8


def _compact(activations):
    """Activations in half the memory: they have 24 bits and a sign."""
    return activations.astype("float32")


def _whole(x):
    return x.astype("int32")


class ExactSlice:
    """Networks of a slice, the exact counterpart of `SliceContext`, over whole latents.

    Args:
        mean_support, mean, scale_support, scale, residual: layers, or lists of layers.
    """

    NAMES = ("mean_support", "mean", "scale_support", "scale", "residual")

    def __init__(self, mean_support, mean, scale_support, scale, residual):
        self.mean_support, self.mean = mean_support, mean
        self.scale_support, self.scale = scale_support, scale
        self.residual = residual
        self.channels, seen = mean[-1].kernel.shape[-1], mean[0].kernel.shape[2]
        self._mean, self._scale, self._residual = (
            Tiling(function, inputs, TILE, BLOCK, finish=finish)
            for function, inputs, finish in (
                (self._mean_of, seen, _compact),
                (partial(topology.slice_scale, self), seen, _compact),
                (self._residual_of, seen + self.channels, _whole)))

    def arrays(self):
        """The integers of all its layers."""
        return arrays_of({name: getattr(self, name) for name in self.NAMES})

    @classmethod
    def from_arrays(cls, tree):
        """Inverse of `arrays`, from what `unflatten` makes of them."""
        return cls(**restored_parts(tree))

    def _mean_of(self, x):
        return np.concatenate(topology.slice_mean(self, x), axis=-1)

    def _residual_of(self, x):
        return half_tanh(topology.apply(self.residual, x))

    def distribution(self, features, known, height, width):
        """(support of the mean, means, scales), float32 (height, width, channels) each.

        Args:
            features: pair of float32 (height, width, M), for means and for scales.
            known: function of two slices, rows and columns, that returns the channels of all
                slices before, (rows, columns, K).
        """
        def read(features):
            return lambda *window: np.concatenate([features[window], known(*window)], axis=-1)

        support, means = np.split(
            self._mean(read(features[0]), height, width), [-self.channels], axis=-1)
        return support, means, self._scale(read(features[1]), height, width)

    def residual_of(self, support, part):
        """Residuals, int32, of a decoded slice, int32 (height, width, channels)."""
        def read(*window):
            return np.concatenate([support[window], saturate(part[window])], axis=-1)

        return self._residual(read, *part.shape[:2])


class ExactChannelModel(ExactEntropyModel):
    """Hyper decoders and the slices of `ChannelContext`, all in fixed point.

    Each slice is a pass. Once it is decoded, the residuals are added that its own network predicts.

    Args:
        prior: `FactorizedTables` of the hyper latent.
        tables: `IntegerTables`.
        hyper: pair of lists of layers, the hyper decoders for means and for scales.
        slices: `ExactSlice` of each slice.
        smallest_scale: with 12 fraction bits; scales below count as this.
    """

    contexts = ("channel",)

    def __init__(self, prior, tables, hyper, slices, smallest_scale):
        super().__init__(prior, tables, sum(network.channels for network in slices))
        self.hyper, self.slices = tuple(hyper), tuple(slices)
        self.smallest_scale = int(smallest_scale)
        self._features = Tiling(
            lambda x: np.concatenate([topology.apply(decoder, x) for decoder in self.hyper], -1),
            len(prior.medians), TILE // HYPER_STRIDE, BLOCK // HYPER_STRIDE, up=HYPER_STRIDE,
            finish=_compact)

    def arrays(self):
        """All integers of the model by name, to be stored in a file."""
        parts = {"prior": self.prior, "tables": self.tables}
        parts |= {f"hyper_{name}": layers for name, layers in zip(HYPERS, self.hyper)}
        parts |= {f"slice_{i}": network for i, network in enumerate(self.slices)}
        return {**flatten(parts), "smallest_scale": np.int32(self.smallest_scale)}

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`."""
        tree = unflatten(arrays)
        return cls(FactorizedTables(**tree["prior"]), IntegerTables(**tree["tables"]),
                   [recognized(tree[f"hyper_{name}"]) for name in HYPERS],
                   [ExactSlice.from_arrays(part) for part in numbered(tree, "slice")],
                   tree["smallest_scale"])

    def passes(self, z, height, width, active):
        features = self._features(lambda *window: self.prior.values(z[window]), *z.shape[:2])
        features = np.split(features, 2, axis=-1)
        start = 0
        for network in self.slices:
            own = slice(start, start + network.channels)
            yield partial(self._predict, network, features, own)
            start = own.stop

    def _predict(self, network, features, own, latent):
        """The `Prediction` of a slice, whose channels are `own`."""
        def known(rows, columns):
            return saturate(latent[rows, columns, :own.start])

        def residual(latent):
            return own, network.residual_of(support, latent[..., own])

        support, means, scales = network.distribution(features, known, *latent.shape[:2])
        return Prediction(self._parts(means, scales, own, latent.shape), residual)

    def _parts(self, means, scales, own, shape):
        """Yields the `Part`s of a slice: some positions each, with all its channels."""
        numbers = np.arange(own.start, own.stop, dtype="int32")
        size, channels = len(numbers), shape[-1]
        means, scales = (x.reshape(-1, size) for x in (means, scales))
        for first in range(0, len(means), PART):
            some = slice(first, first + PART)
            levels = self.tables.levels_of_scales(np.maximum(scales[some], self.smallest_scale))
            centres = np.zeros((1, levels.size), "int32")
            mixture = IntegerMixture(self.tables, ("gaussian",), centres, levels.reshape(1, -1))
            positions = np.arange(first, first + len(levels), dtype="int32")
            indices = (positions[:, None] * channels + numbers).reshape(-1)
            yield Part(indices, means[some].reshape(-1).astype("int32"), mixture,
                       levels.size / math.prod(shape))
