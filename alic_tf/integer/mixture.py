"""Mixtures of distributions over the integers, with integer parameters and probabilities."""

import numpy as np

from alic_tf.integer.fixed_point import FRACTION_BITS, ONE
from alic_tf.integer.tables import (
    CDF_BITS,
    FAMILIES,
    OFFSET_BITS,
    OFFSET_END,
    REACH,
    RECIPROCAL_BITS,
    STEP_BITS,
    WEIGHT_BITS,
)

# Families of the components, by the kind of mixture.
MIXTURES = {
    "gaussian": ("gaussian",),
    "gmm": ("gaussian",) * 3,
    "gllmm": ("gaussian",) * 3 + ("laplace",) * 3 + ("logistic",) * 3,
}


class IntegerMixture:
    """Distributions of n integers, each a mixture of K components, rounded to the nearest.

    Probability that element i is at most k: sum over components of weight * CDF((k + 1/2 - mean) /
    scale), as an integer in units of 1 / total.

    Args:
        tables: `IntegerTables`.
        families: names of the K components, of `tables.FAMILIES`.
        means: integers (K, n), with 12 fraction bits, at most 2^24 in magnitude.
        levels: integers (K, n), index of the scale of each component in the tables.
        weights: int64 (K, n), not negative, not all zero, their sum at most 3 * 2^16; None if K
            is 1.

    Raises:
        ValueError: unknown family, or a number of families other than K.
    """

    def __init__(self, tables, families, means, levels, weights=None):
        unknown = set(families) - set(FAMILIES)
        if unknown or len(families) != len(means) or (weights is None) != (len(families) == 1):
            raise ValueError(f"{len(means)} components need as many families of {FAMILIES}, and "
                             f"weights if they are several; not {families}")
        width = tables.cdf.shape[1]
        starts = np.array([[FAMILIES.index(family) * width] for family in families], "int32")
        self._cdf, self._starts = tables.cdf.reshape(-1), starts
        self._means, self._weights = means.astype("int32"), weights
        self._reciprocals, self._levels = tables.reciprocals, levels.astype("int16")
        self.total = 1 << CDF_BITS if weights is None else weights.sum(0) << CDF_BITS

    @classmethod
    def from_parameters(cls, kind, parameters, tables):
        """Mixtures from the output of a parameter network.

        Args:
            kind: one of `MIXTURES`.
            parameters: integers with 12 fraction bits, (channels, n): for gaussian the mean and
                the scale; for gmm (logit, mean, scale) of each component; for gllmm the same for
                three Gaussians, three Laplaces and three logistics, then the logits of the three
                families. Signs of scales are ignored. A softmax of the logits gives the weights,
                for gllmm within each family.
            tables: `IntegerTables`.

        Raises:
            ValueError: unknown kind.
        """
        if kind not in MIXTURES:
            raise ValueError(f"kind must be one of {tuple(MIXTURES)}, not {kind!r}")
        families = MIXTURES[kind]
        if kind == "gaussian":
            means, scales, weights = parameters[:1], parameters[1:2], None
        else:
            logits, means, scales = (parameters[i:3 * len(families):3] for i in range(3))
            weights = tables.weights(logits) if kind == "gmm" else cls._nested_weights(
                logits, parameters[3 * len(families):], tables)
        return cls(tables, families, means, tables.levels_of_scales(scales), weights)

    @staticmethod
    def _nested_weights(logits, family_logits, tables):
        """Weights (9, n) of components within their family times those of the three families."""
        within = tables.weights(logits.reshape(3, 3, -1).swapaxes(0, 1))
        weights = within * tables.weights(family_logits) // within.sum(0)
        return weights.swapaxes(0, 1).reshape(9, -1)

    def __len__(self):
        return self._means.shape[1]

    def take(self, indices):
        """The mixtures of some of the elements: integer indices or a slice."""
        part = object.__new__(IntegerMixture)
        part._cdf, part._starts = self._cdf, self._starts
        part._reciprocals, part._levels = self._reciprocals, self._levels[:, indices]
        part._means = self._means[:, indices]
        part._weights = None if self._weights is None else self._weights[:, indices]
        part.total = self.total if self._weights is None else self.total[indices]
        return part

    def centre(self):
        """Rounded mean of the heaviest component, the first of equals; int32 (n,)."""
        mean = self._means[0]
        if self._weights is not None:
            heaviest = np.argmax(self._weights, axis=0)
            mean = np.take_along_axis(self._means, heaviest[None], axis=0)[0]
        return mean + (ONE >> 1) >> FRACTION_BITS

    def cdf(self, k):
        """Integer probabilities (n,) of being at most k (n,), of `total`; monotone in k."""
        offsets = np.take(self._reciprocals, self._levels)
        offsets *= ((k << FRACTION_BITS) + (ONE >> 1)) - self._means
        offsets >>= RECIPROCAL_BITS
        offsets += REACH << OFFSET_BITS
        # From here 32 bits suffice.
        offsets = np.minimum(np.maximum(offsets, 0), OFFSET_END).astype("int32")
        cells = offsets >> STEP_BITS
        cells += self._starts
        offsets &= (1 << STEP_BITS) - 1
        low = np.take(self._cdf, cells)
        cells += 1
        slope = np.take(self._cdf, cells)
        slope -= low
        slope *= offsets
        slope >>= STEP_BITS
        low += slope
        if self._weights is None:
            return low[0]
        return np.einsum("kn,kn->n", low, self._weights)


assert WEIGHT_BITS + CDF_BITS + 2 + 16 < 63, "ratios to 16 bits must fit 63 bits"
