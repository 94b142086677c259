"""Integer tables from which probabilities of mixtures are computed without floats."""

import functools
import math

import numpy as np

from alic_tf.integer.fixed_point import FRACTION_BITS, ONE
from alic_tf.integer.stored import Stored

# Of the distributions that mixtures are made of, in the order of their tables.
FAMILIES = ("gaussian", "laplace", "logistic")

CDF_BITS = 28
WEIGHT_BITS = 16

# Standardized offsets run over +-REACH in steps of 2^-GRID_BITS, linear in between, where they are
# known to 2^-OFFSET_BITS.
REACH = 20
GRID_BITS = 7
OFFSET_BITS = 16
STEP_BITS = OFFSET_BITS - GRID_BITS
OFFSET_END = 2 * REACH << OFFSET_BITS

# Scales 2^-6 to 2^9, 32 to an octave: coding with the nearest costs 0.00006 bits per symbol.
LOG2_SMALLEST = -6
OCTAVES = 15
LEVELS_PER_OCTAVE = 32
LEVELS = OCTAVES * LEVELS_PER_OCTAVE + 1
RECIPROCAL_BITS = 20

# exp(-d) for d from 0 to 12 in steps of 1/256; below that a weight of 16 bits is zero.
EXPONENTIAL_BITS = 8
EXPONENTIAL_REACH = 12


def scale_of_level(level):
    """The scale that a level, a number or an array, stands for; halves are between two."""
    return 2.0 ** (level / LEVELS_PER_OCTAVE + LOG2_SMALLEST)


def _cumulative(family, x):
    if family == "gaussian":
        return 0.5 * math.erfc(-x / math.sqrt(2))
    if family == "laplace":
        return 0.5 * math.exp(x) if x < 0 else 1 - 0.5 * math.exp(-x)
    return 1 / (1 + math.exp(-x))


class IntegerTables(Stored):
    """Tables of cumulative distributions, reciprocal scales and exponentials, all integers.

    They are generated once, when a model is exported, and travel in the model's file: some of their
    entries are so near to the middle between two integers that mathematical libraries, which differ
    in the last bit of exp and erf, round them differently. (The tables of `functions` have none.)

    Args:
        cdf: int32 (families, grid + 2), standard cumulative distributions times 2^28.
        reciprocals: int64 (levels,), by which 12-bit offsets are multiplied to be standardized.
        thresholds: int32 (levels - 1,), smallest 12-bit scale of each level but the first.
        exponentials: int32, 2^16 exp(-d) for d in steps of 1/256.

    Raises:
        ValueError: a probability would be negative, or more than 1, or thresholds descend.
    """

    FIELDS = {"cdf": "int32", "reciprocals": "int64", "thresholds": "int32",
              "exponentials": "int32"}

    def __init__(self, cdf, reciprocals, thresholds, exponentials):
        self.cdf = np.ascontiguousarray(cdf, "int32")
        self.reciprocals = np.asarray(reciprocals, "int64")
        self.thresholds = np.asarray(thresholds, "int64")
        self.exponentials = np.asarray(exponentials, "int64")
        ends = self.cdf[:, 0].any() or (self.cdf[:, -1] != 1 << CDF_BITS).any()
        if ends or np.diff(self.cdf).min() < 0 or self.exponentials.min() < 0:
            raise ValueError("cumulative distributions must ascend from 0 to 1")
        # Looking up the level of a scale directly is ten times as fast as searching for it.
        counts = np.diff(self.thresholds, prepend=0, append=self.thresholds[-1] + 1)
        self._level_of_scale = np.repeat(np.arange(LEVELS, dtype="int16"), counts)

    @classmethod
    @functools.cache
    def generate(cls):
        """The tables as their definitions give them, in float64."""
        grid = np.arange(-REACH << GRID_BITS, (REACH << GRID_BITS) + 1) / (1 << GRID_BITS)
        cdf = np.array([[_cumulative(family, x) for x in grid] for family in FAMILIES])
        cdf = np.rint(cdf * 2**CDF_BITS)
        # The ends are certain, so that all of the mass lies within.
        cdf[:, 0], cdf[:, -1] = 0, 2**CDF_BITS
        levels = np.arange(LEVELS)
        reciprocals = np.rint(
            2.0 ** (RECIPROCAL_BITS + OFFSET_BITS - FRACTION_BITS) / scale_of_level(levels))
        thresholds = np.ceil(ONE * scale_of_level(levels[1:] - 0.5))
        d = np.arange((EXPONENTIAL_REACH << EXPONENTIAL_BITS) + 1) / (1 << EXPONENTIAL_BITS)
        exponentials = np.rint(np.exp(-d) * 2**WEIGHT_BITS)
        exponentials[-1] = 0
        return cls(np.pad(cdf, ((0, 0), (0, 1)), mode="edge"), reciprocals, thresholds,
                   exponentials)

    def levels_of_scales(self, scales):
        """Levels of scales given as integers with 12 fraction bits; their sign is ignored."""
        scales = np.minimum(np.abs(scales), self.thresholds[-1]).astype("int64")
        return self._level_of_scale[scales]

    def levels_of_log2(self, log2_scales):
        """Levels of scales whose base-2 logarithms are integers with 12 fraction bits."""
        steps = np.asarray(log2_scales).astype("int64") * LEVELS_PER_OCTAVE
        levels = (steps + (ONE >> 1) >> FRACTION_BITS) - LOG2_SMALLEST * LEVELS_PER_OCTAVE
        return np.clip(levels, 0, LEVELS - 1)

    def weights(self, logits):
        """Exponentials of logits (12 fraction bits) relative to the largest along axis 0.

        Integers, 2^16 for the largest: proportional to the softmax.
        """
        logits = np.asarray(logits).astype("int64")
        below = logits.max(0) - logits
        steps = below >> FRACTION_BITS - EXPONENTIAL_BITS
        return self.exponentials[np.minimum(steps, len(self.exponentials) - 1)]
