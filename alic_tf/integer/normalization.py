"""Normalizations in fixed point: divisive (GDN), and over the channels (LayerNorm)."""

import numpy as np

from alic_tf.integer.fixed_point import (
    FRACTION_BITS,
    ONE,
    FixedPointConvolution,
    rescaled,
    saturate,
)
from alic_tf.integer.stored import Stored

# Squares have fewer fraction bits than activations: those up to 256 are told apart.
SQUARE_BITS = 8
# Sums over 512 channels of squares of deviations up to this, 512, stay below 2^53.
LARGEST_DEVIATION = (1 << 21) - 1
# 1e-5 in units of a squared activation.
EPSILON = 168
SCALE_BITS = 16


class FixedPointGDN(Stored):
    """x times or over sqrt(beta + sum gamma x^2).

    Args:
        norm: 1x1 `FixedPointConvolution` from the squares, with 8 fraction bits, to the sum.
        inverse: whether to multiply.

    Raises:
        ValueError: the sum could be negative.
    """

    def __init__(self, norm, inverse):
        self.norm, self.inverse = norm, bool(inverse)
        if min(norm.kernel.min(), norm.bias.min()) < 0:
            raise ValueError("the sums of a normalization could be negative")

    def arrays(self):
        """Those of the convolution, and `inverse`."""
        return {**self.norm.arrays(), "inverse": np.int32(self.inverse)}

    @classmethod
    def from_arrays(cls, arrays):
        norm = {name: array for name, array in arrays.items() if name != "inverse"}
        return cls(FixedPointConvolution.from_arrays(norm), arrays["inverse"])

    def __call__(self, x):
        squares = saturate(np.floor(x * x * 2.0 ** (SQUARE_BITS - 2 * FRACTION_BITS)))
        sums = self.norm.accumulate(squares)
        root = np.floor(np.sqrt(sums * 2.0 ** (FRACTION_BITS - self.norm.exponent)))
        if self.inverse:
            return saturate(rescaled(x * root))
        return saturate(np.floor(x * ONE / np.maximum(root, 1.0) + 0.5))


class FixedPointLayerNorm(Stored):
    """Deviations from the mean of the channels over their root mean square, scaled and shifted.

    Args:
        scale: int32 (channels,), with 16 fraction bits.
        shift: int32 (channels,), with 12.

    Raises:
        ValueError: they are not of one length.
    """

    FIELDS = {"scale": "int32", "shift": "int32"}

    def __init__(self, scale, shift):
        self.scale, self.shift = np.asarray(scale, "int32"), np.asarray(shift, "int32")
        if self.scale.shape != self.shift.shape or self.scale.ndim != 1:
            raise ValueError(f"scale {self.scale.shape} and shift {self.shift.shape} do not fit")

    def __call__(self, x):
        channels = x.shape[-1]
        mean = np.floor(x.sum(-1, keepdims=True) / channels + 0.5)
        deviation = np.clip(x - mean, -LARGEST_DEVIATION, LARGEST_DEVIATION)
        variance = np.square(deviation).sum(-1, keepdims=True) / channels + EPSILON
        x = np.floor(deviation * ONE / np.sqrt(variance) + 0.5)
        return saturate(np.floor(x * self.scale * 2.0**-SCALE_BITS + 0.5) + self.shift)
