"""Probabilities of integers under Gaussians, Laplacians, logistics and mixtures of them.

An integer v has the mass of the unit bin around it, F((v + 1/2 - mean) / scale) -
F((v - 1/2 - mean) / scale). Written like that it is 0 in single precision a few scales away from
the mean, and its logarithm and gradient are lost. Here everything is derived from logarithms of
masses that stay finite, with useful gradients, however small the scale or far the value.
"""

from typing import NamedTuple

import numpy as np
from keras import ops

from alic_tf.integer.tables import FAMILIES
from alic_tf.layers.lower_bound import lower_bound

# Of the scales that are predicted where the latent is coded as its distance from a mean.
SMALLEST_SCALE = 0.11
# Smaller scales put all mass into one bin anyway, and their squares leave single precision.
SCALE_MINIMUM = 1e-6
LIKELIHOOD_MINIMUM = 1e-6
# Outside this range, all that is left of the tail belongs to the value.
LOWEST, HIGHEST = -254.5, 255.5
_TINY = 1e-30
_GAUSSIAN_TAIL = 10.0


def standard_cdf(family, x):
    """Cumulative distribution function of location 0 and scale 1.

    The scale is the standard deviation of the Gaussian, the mean absolute deviation of the
    Laplacian, and sqrt(3) / pi standard deviations of the logistic.

    Args:
        family: one of `FAMILIES`.
        x: float tensor.

    Returns:
        Tensor of probabilities, shaped as x; small ones are exact to rounding in the lower tail.

    Raises:
        ValueError: unknown family.
    """
    if family == "gaussian":
        return 0.5 * ops.erfc(x * -np.sqrt(0.5))
    if family == "laplace":
        tail = 0.5 * ops.exp(-ops.abs(x))
        return ops.where(x > 0, 1 - tail, tail)
    if family == "logistic":
        return ops.sigmoid(x)
    raise ValueError(f"family must be one of {FAMILIES}, not {family!r}")


def log_interval(family, deviation, scale):
    """Log of the mass of a unit bin around a value, finite for any value and scale.

    Args:
        family: one of `FAMILIES`.
        deviation: float tensor, value minus location.
        scale: float tensor, not negative; below `SCALE_MINIMUM` it counts as that.

    Returns:
        float32 tensor of natural logarithms, of the broadcast shape.

    Raises:
        ValueError: unknown family.
    """
    if family not in _LOG_INTERVALS:
        raise ValueError(f"family must be one of {FAMILIES}, not {family!r}")
    scale = lower_bound(ops.cast(scale, "float32"), SCALE_MINIMUM)
    # All three are symmetric. In the lower tail small masses do not drown in a cumulative near 1.
    distance = ops.abs(ops.cast(deviation, "float32"))
    return _LOG_INTERVALS[family]((0.5 - distance) / scale, (-0.5 - distance) / scale,
                                  1 / scale, distance)


def _log_gaussian(upper, lower, precision, distance):
    near = (standard_cdf("gaussian", ops.maximum(upper, -_GAUSSIAN_TAIL))
            - standard_cdf("gaussian", lower))
    near = ops.log(ops.maximum(near, _TINY))
    # Far out, F(-z) = exp(-z^2/2) m(z) / sqrt(2 pi) with Mills' ratio m, and the quotient of the
    # two exponentials is exp(-distance / scale^2).
    z_upper, z_lower = (ops.maximum(-x, _GAUSSIAN_TAIL) for x in (upper, lower))
    ratio = (_mills_ratio(z_upper)
             - _mills_ratio(z_lower) * ops.exp(-distance * precision * precision))
    far = (-0.5 * ops.square(z_upper) - 0.5 * np.log(2 * np.pi)
           + ops.log(ops.maximum(ratio, _TINY)))
    return ops.where(upper > -_GAUSSIAN_TAIL, near, far)


def _mills_ratio(z):
    """Tail over density of the standard Gaussian, relative error 1.5e-5 at 10 and falling."""
    u = 1 / ops.square(z)
    return (1 - u * (1 - 3 * u)) / z


def _log_laplace(upper, lower, precision, distance):
    inside = -0.5 * (ops.expm1(ops.minimum(-upper, 0)) + ops.expm1(lower))
    inside = ops.log(ops.maximum(inside, _TINY))
    outside = ops.minimum(upper, 0) + ops.log(-0.5 * ops.expm1(-precision))
    return ops.where(upper > 0, inside, outside)


def _log_logistic(upper, lower, precision, distance):
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), nowhere a difference.
    return (ops.log_sigmoid(upper) + ops.log_sigmoid(-lower)
            + ops.log(-ops.expm1(-precision)))


_LOG_INTERVALS = {"gaussian": _log_gaussian, "laplace": _log_laplace, "logistic": _log_logistic}


def gaussian_bits(deviation, scale):
    """Ideal code length in bits of value = mean + deviation under a Gaussian of this scale."""
    return log_interval("gaussian", deviation, scale) / -np.log(2.0)


class Mixture(NamedTuple):
    """Distribution of each latent element as a weighted sum of K components.

    Attributes:
        families: K names out of `FAMILIES`.
        log_weights: float32 tensor (..., K); the exponentials sum to 1.
        means: float32 tensor (..., K).
        scales: float32 tensor (..., K), not negative.
    """

    families: tuple
    log_weights: object
    means: object
    scales: object

    @property
    def weights(self):
        """Tensor (..., K) of weights that sum to 1."""
        return ops.exp(self.log_weights)

    def bits(self, values):
        """Ideal code length of each value in bits, for training: finite, and never flat.

        Args:
            values: float tensor (...).

        Returns:
            float32 tensor (...).
        """
        deviation = ops.cast(values, "float32")[..., None] - self.means
        logs = self._by_family(log_interval, deviation, self.scales)
        return ops.logsumexp(self.log_weights + logs, axis=-1) / -np.log(2.0)

    def likelihood(self, values):
        """Probability of each value as the authors' code defines it.

        Values below -254.5 (above 255.5) take the whole lower (upper) tail; the result is kept in
        [1e-6, 1], with the gradient of `lower_bound` at the lower end.

        Args:
            values: float tensor (...).

        Returns:
            float32 tensor (...).
        """
        values = ops.cast(values, "float32")[..., None]
        deviation = values - self.means
        scales = lower_bound(self.scales, SCALE_MINIMUM)
        mass = ops.exp(self._by_family(log_interval, deviation, scales))
        # The upper tail is the lower one of the mirrored distribution.
        sign = 1 - 2 * ops.cast(values > HIGHEST, values.dtype)
        tail = self._by_family(standard_cdf, (sign * deviation + 0.5) / scales)
        outside = ops.logical_or(values < LOWEST, values > HIGHEST)
        mass = ops.where(outside, tail, mass)
        total = ops.sum(self.weights * mass, axis=-1)
        return ops.minimum(lower_bound(total, LIKELIHOOD_MINIMUM), 1.0)

    def _by_family(self, function, *tensors):
        """Applies function(family, ...) to the components of each family, side by side."""
        runs, first = [], 0
        for family in dict.fromkeys(self.families):
            last = first + self.families.count(family)
            runs.append(function(family, *(t[..., first:last] for t in tensors)))
            first = last
        return runs[0] if len(runs) == 1 else ops.concatenate(runs, axis=-1)
