"""The light model's entropy model in integers: channel groups, checkerboard, state space."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np

from alic_tf import topology
from alic_tf.integer import arithmetic
from alic_tf.integer.fixed_point import FRACTION_BITS, saturate
from alic_tf.integer.layers import flatten, inputs_of, recognized
from alic_tf.integer.mixture import IntegerMixture
from alic_tf.integer.model import HYPER_STRIDE, ExactEntropyModel, Part, Prediction
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.stored import Stored, numbered, unflatten
from alic_tf.integer.tables import IntegerTables, scale_of_level
from alic_tf.tiling import Tiling

# Factors (units, gains) have more fraction bits than activations: they go down to 0.01.
FACTOR_BITS = 16
# Scale 0.23. Coding nothing below spares four questions in five at quality 1, one in five at 8, and
# 0.2 % to 0.8 % of the bytes at equal PSNR; from 0.3 on it costs bytes (dwan, 20 photographs).
LOWEST_CODED_LEVEL = 124


# Positions whose parameters are computed together, and the sides of the squares in which large
# latents go through the networks: bounds on memory.
PART = 2048
TILE = 64


def multiply(x, factors):
    """Activations times factors with 16 fraction bits, rounded down; integer-valued float64."""
    product = np.multiply(x, factors, dtype="float64")
    product *= 2.0**-FACTOR_BITS
    return saturate(np.floor(product, out=product))


def _compact(activations):
    """Activations in half the memory: they have 24 bits and a sign."""
    return activations.astype("float32")


class QualityTables(Stored):
    """What depends on the quality, for each step of quality, in integers.

    Args:
        units: int32 (steps, M), usual size of each latent channel, 16 fraction bits.
        reciprocals: int32 (steps, M), their reciprocals, 16 fraction bits.
        log2_units: int32 (steps, M), their base-2 logarithms, 12 fraction bits.
        hyper_gains: int32 (steps, hyper latents), factors of the hyper latent, 16 fraction bits.
        hyper_biases: int32 (steps, P), summands of the hyper output, 12 fraction bits.
        smallest_scale: int32 (), base-2 logarithm of the smallest scale, 12 fraction bits.
    """

    FIELDS = dict.fromkeys(("units", "reciprocals", "log2_units", "hyper_gains", "hyper_biases",
                            "smallest_scale"), "int32")

    def __init__(self, **arrays):
        for name, dtype in self.FIELDS.items():
            setattr(self, name, np.asarray(arrays[name], dtype))

    @classmethod
    def from_float(cls, units, hyper_gains, hyper_biases, smallest_scale):
        """Rounds float arrays of the same meaning."""
        def integers(x, bits):
            return np.rint(np.asarray(x, "float64") * 2.0**bits).astype("int32")

        units = np.asarray(units, "float64")
        return cls(units=integers(units, FACTOR_BITS), reciprocals=integers(1 / units, FACTOR_BITS),
                   log2_units=integers(np.log2(units), FRACTION_BITS),
                   hyper_gains=integers(hyper_gains, FACTOR_BITS),
                   hyper_biases=integers(hyper_biases, FRACTION_BITS),
                   smallest_scale=integers(np.log2(smallest_scale), FRACTION_BITS))


class ExactPass:
    """Networks of one pass, the exact counterpart of `PassParameters`.

    Args:
        head: layers of single positions.
        embed: layer of what is known, or None in the first pass.
        local: layer of what is embedded, or None in the first pass.
        scan: `FixedPointScan`, or None without state space.
    """

    def __init__(self, head, embed=None, local=None, scan=None):
        self.head, self.embed, self.local, self.scan = list(head), embed, local, scan
        if embed is not None:
            self._embed, self._local = (
                Tiling(partial(topology.apply, part), inputs_of(part), TILE, 1, finish=_compact)
                for part in (embed, local))

    def arrays(self):
        """The integers of all its layers."""
        return flatten(topology.pass_parts(self))

    @classmethod
    def from_arrays(cls, tree):
        """Inverse of `arrays`, from what `unflatten` makes of them."""
        layers = {name: recognized(part) for name, part in tree.items()}
        head = numbered(layers, "head")
        return cls(head, **{name: layer for name, layer in layers.items()
                            if not name.startswith("head_")})

    def features(self, known, height, width):
        """What the layers before the head make of what is known, at all positions.

        Args:
            known: function of two slices, rows and columns, that returns what is known there,
                (rows, columns, K).

        Returns:
            list of float32 (height * width, channels).
        """
        if self.embed is None:
            return []

        # The same in tiles.
        parts = SimpleNamespace(
            embed=lambda known: self._embed(known, height, width),
            local=lambda x: self._local(lambda *window: x[window], height, width),
            scan=self.scan and (lambda x: self.scan(x[None])))
        return [x.reshape(height * width, -1) for x in topology.pass_features(parts, known)]

    def parameters(self, features):
        """Parameters (n, outputs) from n rows of the hyper output and the `features`."""
        return topology.pass_parameters(self, features, arithmetic)


class ExactParallelModel(ExactEntropyModel):
    """Hyper decoder and the passes of `ParallelContext`, all in fixed point.

    The latent is coded as its rounded distance from the mean; scales leave the networks as
    base-2 logarithms relative to the unit of their channel. An element whose scale is so small
    that it rounds to its mean almost certainly is not coded at all, and equals its mean.

    Args:
        prior: `FactorizedTables` of the hyper latent.
        tables: `IntegerTables`.
        qualities: `QualityTables`.
        groups: channels of each group.
        hyper: layers of the hyper decoder.
        passes: `ExactPass` of each pass, two per group.
        lowest_coded_level: elements with a lower level of scale are not coded.
        step: step of quality to code at; see `at`.
    """

    contexts = ("checkerboard", "ssm")

    def __init__(self, prior, tables, qualities, groups, hyper, passes, lowest_coded_level,
                 step=0):
        super().__init__(prior, tables, int(np.sum(groups)))
        self.qualities, self.groups = qualities, tuple(int(n) for n in groups)
        self.hyper, self.networks, self.step = list(hyper), list(passes), step
        self.lowest_coded_level = int(lowest_coded_level)

    @property
    def smallest_coded(self):
        return scale_of_level(self.lowest_coded_level - 0.5)

    def at(self, step):
        return ExactParallelModel(self.prior, self.tables, self.qualities, self.groups,
                                  self.hyper, self.networks, self.lowest_coded_level, step)

    def arrays(self):
        """All integers of the model by name, to be stored in a file."""
        parts = {"prior": self.prior, "tables": self.tables, "qualities": self.qualities}
        parts |= {f"hyper_{i}": layer for i, layer in enumerate(self.hyper)}
        parts |= {f"pass_{i}": network for i, network in enumerate(self.networks)}
        return {**flatten(parts), "groups": np.array(self.groups, "int32"),
                "lowest_coded_level": np.int32(self.lowest_coded_level)}

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`."""
        tree = unflatten(arrays)
        hyper = map(recognized, numbered(tree, "hyper"))
        passes = map(ExactPass.from_arrays, numbered(tree, "pass"))
        return cls(FactorizedTables(**tree["prior"]), IntegerTables(**tree["tables"]),
                   QualityTables(**tree["qualities"]), tree["groups"], hyper, passes,
                   tree["lowest_coded_level"])

    def _hyper_output(self, z):
        """float32 (height * width, P), of the size of the latent."""
        gains, biases = (getattr(self.qualities, name)[self.step]
                         for name in ("hyper_gains", "hyper_biases"))

        tiling = Tiling(partial(topology.apply, self.hyper), z.shape[-1], TILE // HYPER_STRIDE, 1,
                        up=HYPER_STRIDE, finish=lambda x: _compact(saturate(x + biases)))
        output = tiling(lambda *window: multiply(self.prior.values(z[window]), gains),
                        *z.shape[:2])
        return output.reshape(-1, output.shape[-1])

    def passes(self, z, height, width, active):
        hyper = self._hyper_output(z)
        parity = np.add.outer(np.arange(height), np.arange(width)).reshape(-1) % 2
        halves = [np.flatnonzero(parity == p).astype("int32") for p in (0, 1)]
        start = 0
        for group, size in enumerate(self.groups):
            own = slice(start, start + size)
            for half, positions in enumerate(halves):
                yield partial(self._predict, self.networks[2 * group + half], hyper, positions, own,
                              start + size * half)
            start = own.stop

    def _predict(self, network, hyper, positions, own, visible, latent):
        """The `Prediction` of a pass.

        Args:
            network: `ExactPass`.
            hyper: output of the hyper decoder.
            positions: of the elements.
            own: slice of their channels.
            visible: number of channels that the network sees.
            latent: see `passes`.
        """
        reciprocals = self.qualities.reciprocals[self.step, :visible]

        def known(rows, columns):
            return multiply(latent[rows, columns, :visible], reciprocals)

        features = [hyper, *network.features(known, *latent.shape[:2])]
        return Prediction(self._parts(network, features, positions, own, latent.shape))

    def _parts(self, network, features, positions, own, shape):
        """Yields the `Part`s of a pass, some positions each; see `_predict`."""
        units, log2_units = (getattr(self.qualities, name)[self.step, own]
                             for name in ("units", "log2_units"))
        size, numbers = own.stop - own.start, np.arange(own.start, own.stop, dtype="int32")
        for first in range(0, len(positions), PART):
            some = positions[first:first + PART]
            x = network.parameters([feature[some] for feature in features])
            means = multiply(x[:, :size], units).astype("int32")
            log2_scales = np.maximum(x[:, size:] + log2_units, self.qualities.smallest_scale)
            levels = self.tables.levels_of_log2(log2_scales).reshape(-1)
            worth = levels >= self.lowest_coded_level
            coded, skipped = np.flatnonzero(worth), np.flatnonzero(~worth)
            mixture = IntegerMixture(self.tables, ("gaussian",),
                                     np.zeros((1, len(coded)), "int32"), levels[None, coded])
            indices = (some[:, None] * shape[-1] + numbers).reshape(-1)
            share, means = means.size / math.prod(shape), means.reshape(-1)
            yield Part(indices[coded], means[coded], mixture, share,
                       (indices[skipped], means[skipped]))
