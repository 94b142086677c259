"""The range coder and the probabilities with which the authors' program codes its latents.

Their program computes probabilities in floats and rounds them to integers, so that a decoder needs
the very same floats: here, operations are done in the order and the precision of theirs.
"""

import bisect
import math

import numpy as np

_FULL, _SHORT = (1 << 32) - 1, 1 << 24
# Bytes that the coder has read beyond the end of its string after the last symbol.
_READ_AHEAD = 3


class RangeDecoder:
    """Decodes the strings of version 1.1 of the Python package range-coder.

    A range coder of 32 bits: the interval shrinks in units of its width divided by the total
    frequency, rounded down; what remains goes to the last symbol. Whenever its width falls below
    2^24, a byte is done. Behind the end, a string continues with bytes of 255.

    Args:
        string: bytes.
    """

    def __init__(self, string):
        self._string = string
        self._position = 0
        self._width = _FULL
        self._offset = 0  # of the string's value within the interval
        for _ in range(4):
            self._offset = self._offset << 8 | self._byte()

    def _byte(self):
        position, self._position = self._position, self._position + 1
        return self._string[position] if position < len(self._string) else 255

    def decode(self, cumulative):
        """Decodes a symbol.

        Args:
            cumulative: list of integers, frequencies of all symbols below 0, 1, ..., from 0 to
                the total.
        """
        total = cumulative[-1]
        unit = self._width // total
        symbol = bisect.bisect_right(cumulative, min(self._offset // unit, total - 1)) - 1
        lower, upper = cumulative[symbol], cumulative[symbol + 1]
        self._offset -= lower * unit
        self._width = (upper - lower) * unit if upper < total else self._width - lower * unit
        while self._width < _SHORT:
            self._width <<= 8
            self._offset = self._offset << 8 | self._byte()
        return symbol

    def at_end(self):
        """Whether the string ends where its last symbol has been decoded."""
        return self._position == len(self._string) + _READ_AHEAD


def _exponential(x):
    """exp(x) of x <= 0 to the bit as TensorFlow 1.14 computes it: float32, no fused operations.

    Cephes' approximation: x = n log(2) + r, and a polynomial for exp(r).
    """
    single = np.float32
    n = np.floor(x * single(math.log2(math.e)) + single(0.5))
    r = x - n * single(0.693359375) - n * single(-2.12194440e-4)
    y = np.full_like(r, 1.9875691500e-4)
    for coefficient in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
                        5.0000001201e-1):
        y = y * r + single(coefficient)
    return np.ldexp(y * (r * r) + r + single(1), n.astype("int32"))


def _softmax(logits):
    """Softmax over the first axis of a float32 array, to the bit as TensorFlow 1.14."""
    powers = _exponential(np.maximum(logits - logits.max(0), np.float32(-87)))
    return powers * (np.float32(1) / sum(powers[1:], powers[0]))


_error_function = np.frompyfunc(math.erf, 1, 1)


def cumulative_frequencies(parameters, limit):
    """Frequencies with which the authors' program codes latents under Gaussian mixtures.

    Args:
        parameters: float32 [9, n], for each of three Gaussians its weight's logit, mean and scale.
        limit: largest magnitude of the latents.

    Returns:
        int64 [n, 2 * limit + 2], cumulative from 0 to about 65536; symbol s is the latent
        s - limit.
    """
    logits, means, scales = parameters.reshape(3, 3, -1).swapaxes(0, 1)
    weights = _softmax(logits).astype("float64")
    means = (means + np.float32(limit)).astype("float64")
    scales = (np.abs(scales).astype("float64") + 1e-10) * 2**0.5
    edges = np.arange(2 * limit + 2) - 0.5
    cdf = _error_function((edges - means[..., None]) / scales[..., None]).astype("float64")
    masses = np.diff(0.5 * (1 + cdf)) * weights[..., None]
    masses = np.clip(masses[0] + masses[1] + masses[2], 1 / 65536, 1)
    frequencies = np.round(masses / masses.sum(-1, keepdims=True) * 65536).astype("int64")
    return np.pad(np.cumsum(frequencies, -1), ((0, 0), (1, 0)))
