"""The channel-wise entropy model in integers: hyper decoders, slices and their residuals."""

import numpy as np

from alic_tf.entropy.exact import (
    HYPER_STRIDE,
    ExactEntropyModel,
    Part,
    flatten,
    numbered,
    unflatten,
)
from alic_tf.entropy.factorized import FactorizedTables
from alic_tf.entropy.fixed_layers import Composite, FixedPointSequence, converted
from alic_tf.entropy.fixed_point import ONE, saturate
from alic_tf.entropy.functions import half_tanh
from alic_tf.entropy.mixture import IntegerMixture
from alic_tf.entropy.parallel_context import SMALLEST_SCALE
from alic_tf.entropy.tables import IntegerTables
from alic_tf.tiling import Tiling

# Positions whose mixtures are made together, and the sides of the squares in which large latents go
# through the networks: bounds on memory.
PART = 2048
TILE = 128
# Latent samples: attention windows begin at multiples of it.
BLOCK = 8


def _compact(activations):
    """Activations in half the memory: they have 24 bits and a sign."""
    return activations.astype("float32")


class ExactSlice(Composite):
    """Networks of a slice, the exact counterpart of `SliceContext`, over whole latents."""

    NAMES = ("mean_support", "mean", "scale_support", "scale", "residual")

    def __init__(self, **parts):
        super().__init__(**parts)
        first, *_, last = parts["mean"].layers
        self.channels, seen = last.kernel.shape[-1], first.kernel.shape[2]
        self._mean, self._scale, self._residual = (
            Tiling(function, inputs, TILE, BLOCK, finish=_compact)
            for function, inputs in ((self._mean_of, seen), (self._scale_of, seen),
                                     (parts["residual"], seen + self.channels)))

    def _mean_of(self, x):
        support = self.parts["mean_support"](x)
        return np.concatenate([support, self.parts["mean"](support)], axis=-1)

    def _scale_of(self, x):
        return self.parts["scale"](self.parts["scale_support"](x))

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

    def refine(self, support, part):
        """Adds the predicted residuals to a decoded slice, int32 (height, width, channels)."""
        def read(*window):
            return np.concatenate([support[window], saturate(part[window])], axis=-1)

        residual = self._residual(read, *part.shape[:2])
        for row, found in zip(part, residual):
            row += half_tanh(found.astype("float64")).astype("int32")


class ExactChannelModel(ExactEntropyModel):
    """Hyper decoders and the slices of `ChannelContext`, all in fixed point.

    Each slice is a pass. Once it is decoded, the residuals are added that its own network predicts.

    Args:
        prior: `FactorizedTables` of the hyper latent.
        tables: `IntegerTables`.
        hyper: pair of `FixedPointSequence`, the hyper decoders for means and for scales.
        slices: `ExactSlice` of each slice.
        smallest_scale: with 12 fraction bits; scales below count as this.
    """

    def __init__(self, prior, tables, hyper, slices, smallest_scale):
        super().__init__(prior, tables, sum(network.channels for network in slices))
        self.hyper, self.slices = tuple(hyper), tuple(slices)
        self.smallest_scale = int(smallest_scale)
        self._features = Tiling(
            lambda x: np.concatenate([decoder(x) for decoder in self.hyper], axis=-1),
            len(prior.medians), TILE // HYPER_STRIDE, BLOCK // HYPER_STRIDE, up=HYPER_STRIDE,
            finish=_compact)

    @classmethod
    def from_layers(cls, prior, hyper, context):
        """Converts trained layers.

        Args:
            prior: `DeepFactorized`.
            hyper: pair of lists of layers, the hyper decoders for means and for scales.
            context: `ChannelContext`.
        """
        return cls(FactorizedTables.from_layer(prior), IntegerTables.generate(),
                   map(converted, hyper), [ExactSlice.from_layer(x) for x in context.slices],
                   np.rint(SMALLEST_SCALE * ONE))

    def arrays(self):
        """All integers of the model by name, to be stored in a file."""
        parts = {"prior": self.prior, "tables": self.tables}
        parts |= dict(zip(("hyper_mean", "hyper_scale"), self.hyper))
        parts |= {f"slice_{i}": network for i, network in enumerate(self.slices)}
        return {**flatten(parts), "smallest_scale": np.int32(self.smallest_scale)}

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`."""
        tree = unflatten(arrays)
        return cls(FactorizedTables(**tree["prior"]), IntegerTables(**tree["tables"]),
                   [FixedPointSequence.from_arrays(tree[f"hyper_{x}"]) for x in ("mean", "scale")],
                   [ExactSlice.from_arrays(part) for part in numbered(tree, "slice")],
                   tree["smallest_scale"])

    def passes(self, z, latent, active):
        height, width, channels = latent.shape
        features = self._features(lambda *window: self.prior.values(z[window]), *z.shape[:2])
        features = np.split(features, 2, axis=-1)
        start = 0
        for network in self.slices:
            own = slice(start, start + network.channels)

            def known(rows, columns, end=start):
                return saturate(latent[rows, columns, :end])

            support, means, scales = network.distribution(features, known, height, width)
            yield self._parts(means, scales, own, latent)
            network.refine(support, latent[..., own])
            start = own.stop

    def _parts(self, means, scales, own, latent):
        """Yields the `Part`s of a slice: some positions each, with all its channels."""
        numbers = np.arange(own.start, own.stop, dtype="int32")
        size, channels = len(numbers), latent.shape[-1]
        means, scales = (x.reshape(-1, size) for x in (means, scales))
        for first in range(0, len(means), PART):
            some = slice(first, first + PART)
            levels = self.tables.levels_of_scales(np.maximum(scales[some], self.smallest_scale))
            centres = np.zeros((1, levels.size), "int32")
            mixture = IntegerMixture(self.tables, ("gaussian",), centres, levels.reshape(1, -1))
            positions = np.arange(first, first + len(levels), dtype="int32")
            indices = (positions[:, None] * channels + numbers).reshape(-1)
            yield Part(indices, means[some].reshape(-1).astype("int32"), mixture,
                       levels.size / latent.size)
