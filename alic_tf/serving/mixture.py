"""Mixtures of distributions over the integers in TensorFlow operations; see `IntegerMixture`."""

import numpy as np
import tensorflow as tf

from alic_tf.integer.fixed_point import FRACTION_BITS, ONE
from alic_tf.integer.mixture import MIXTURES
from alic_tf.integer.tables import (
    CDF_BITS,
    EXPONENTIAL_BITS,
    FAMILIES,
    LEVELS,
    LEVELS_PER_OCTAVE,
    LOG2_SMALLEST,
    OFFSET_BITS,
    OFFSET_END,
    REACH,
    RECIPROCAL_BITS,
    STEP_BITS,
)
from alic_tf.serving.arithmetic import shift_left, shift_right, stored


class Tables(tf.Module):
    """`IntegerTables` as variables.

    Args:
        exact: the tables.
    """

    def __init__(self, exact):
        super().__init__()
        self.cdf = stored(exact.cdf)
        self.reciprocals = stored(exact.reciprocals)
        self.thresholds = stored(exact.thresholds)
        self.exponentials = stored(exact.exponentials)

    def levels_of_scales(self, scales):
        """Levels of scales (12 fraction bits, int64); their sign is ignored."""
        flat = tf.reshape(tf.abs(scales), [-1])
        levels = tf.searchsorted(self.thresholds, flat, side="right")
        return tf.reshape(levels, tf.shape(scales))

    def levels_of_log2(self, log2_scales):
        """Levels of scales whose base-2 logarithms are int64 with 12 fraction bits."""
        steps = shift_right(log2_scales * LEVELS_PER_OCTAVE + (ONE >> 1), FRACTION_BITS)
        return tf.clip_by_value(steps - LOG2_SMALLEST * LEVELS_PER_OCTAVE, 0, LEVELS - 1)

    def weights(self, logits):
        """Exponentials of logits (12 fraction bits, int64) relative to the largest, axis 0."""
        below = tf.reduce_max(logits, 0) - logits
        steps = shift_right(below, FRACTION_BITS - EXPONENTIAL_BITS)
        last = self.exponentials.shape[0] - 1
        return tf.gather(self.exponentials, tf.minimum(steps, last))


class Mixture:
    """Distributions of n integers, each a mixture of K components.

    Args:
        tables: `Tables`.
        families: names of the K components.
        means, reciprocals, weights: int64 (K, n); reciprocals are those of the scales, weights are
            () if K is 1.
    """

    def __init__(self, tables, families, means, reciprocals, weights=()):
        self._tables, self._families = tables, families
        self._means, self._reciprocals, self._weights = means, reciprocals, weights

    @classmethod
    def of_levels(cls, tables, families, means, levels, weights=()):
        """The mixture with scales of these levels, (K, n)."""
        return cls(tables, families, means, tf.gather(tables.reciprocals, levels), weights)

    @classmethod
    def from_parameters(cls, kind, parameters, tables):
        """As `IntegerMixture.from_parameters`, of int64 parameters (channels, n)."""
        families = MIXTURES[kind]
        count = len(families)
        if kind == "gaussian":
            means, scales, weights = parameters[:1], parameters[1:2], ()
        else:
            logits, means, scales = (parameters[i:3 * count:3] for i in range(3))
            weights = tables.weights(logits) if kind == "gmm" else cls._nested_weights(
                logits, parameters[3 * count:], tables)
        return cls.of_levels(tables, families, means, tables.levels_of_scales(scales), weights)

    @staticmethod
    def _nested_weights(logits, family_logits, tables):
        """Weights (9, n) of components within their family times those of the three families."""
        within = [tables.weights(logits[i:i + 3]) for i in (0, 3, 6)]
        of_family = tables.weights(family_logits)
        return tf.concat([part * of_family[i] // tf.reduce_sum(part, 0)
                          for i, part in enumerate(within)], 0)

    @property
    def parts(self):
        """Tensors whose last axis is that of the elements."""
        return self._means, self._reciprocals, self._weights

    def of_parts(self, parts):
        """The same kind of mixture of other elements."""
        return Mixture(self._tables, self._families, *parts)

    def total(self):
        """The probability that stands for certainty, int64 (n,)."""
        if len(self._families) == 1:
            return tf.fill(tf.shape(self._means[0]), tf.constant(1 << CDF_BITS, tf.int64))
        return shift_left(tf.reduce_sum(self._weights, 0), CDF_BITS)

    def centre(self):
        """Rounded mean of the heaviest component, the first of equals; int64 (n,)."""
        mean = self._means[-1]
        if len(self._families) > 1:
            largest = tf.reduce_max(self._weights, 0)
            for i in reversed(range(len(self._families) - 1)):
                mean = tf.where(self._weights[i] == largest, self._means[i], mean)
        return shift_right(mean + (ONE >> 1), FRACTION_BITS)

    def cdf(self, k):
        """Integer probabilities (n,) of being at most k (n,), of `total`."""
        offsets = (shift_left(k, FRACTION_BITS) + (ONE >> 1) - self._means) * self._reciprocals
        offsets = shift_right(offsets, RECIPROCAL_BITS) + (REACH << OFFSET_BITS)
        # From here 32 bits suffice.
        offsets = tf.cast(tf.clip_by_value(offsets, 0, OFFSET_END), tf.int32)
        table = tf.reshape(self._tables.cdf, [-1])
        width = self._tables.cdf.shape[1]
        starts = np.array([[FAMILIES.index(family) * width] for family in self._families], "int32")
        cells = shift_right(offsets, STEP_BITS) + starts
        low = tf.gather(table, cells)
        slope = tf.gather(table, cells + 1) - low
        within = tf.bitwise.bitwise_and(offsets, (1 << STEP_BITS) - 1)
        masses = tf.cast(low + shift_right(slope * within, STEP_BITS), tf.int64)
        return masses[0] if len(self._families) == 1 else tf.reduce_sum(masses * self._weights, 0)


class Even:
    """Stands for the mixture of integers of which nothing is known: all masses are 0.

    Args:
        zeros: int64 (n,).
    """

    def __init__(self, zeros):
        self.parts = zeros

    def of_parts(self, parts):
        """The same of other elements."""
        return Even(parts)

    def total(self):
        """Zeros, int64 (n,)."""
        return self.parts

    def centre(self):
        """Zeros, int64 (n,)."""
        return self.parts

    def cdf(self, k):
        """Zeros, int64 (n,)."""
        return tf.zeros_like(k)
