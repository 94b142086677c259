"""Convolutions in fixed point, whose results are the same numbers on every machine.

Float convolutions differ in their last bits between instruction sets, libraries and thread
counts, and a range decoder that sees one different bit loses the rest of the file. Everything
that feeds the coder is therefore computed with integers, held in float64: as long as all partial
sums stay below 2^53 they are exact, whatever the order of the additions, and float64 matrix
products are the fastest integer products a CPU library offers.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from alic_tf.integer.functions import FRACTION_BITS, ONE, gelu
from alic_tf.integer.stored import Stored

LARGEST = (1 << 24) - 1
WEIGHT_LIMIT = (1 << 15) - 1
EXACT_LIMIT = 1 << 53
SLOPES = {"leaky_relu": 13107, "leaky_relu_0.01": 655}  # in units of 2^-16
# Of kernels in magnitude: their sums are then scaled by what float64 can express.
EXPONENT_LIMIT = 512
# Inputs of output rows that are multiplied at once: few enough for the processor's caches.
WINDOWS = 1 << 18
# Model files hold the position in this list.
ACTIVATIONS = (None, "relu", "leaky_relu", "leaky_relu_0.01", "gelu")


def saturate(x):
    """Limits integer-valued float64 activations to the range in which sums stay exact."""
    return np.clip(x, -LARGEST, LARGEST)


def quantize(x):
    """Nearest fixed-point activations, integer-valued float64 with 12 fraction bits."""
    return saturate(np.floor(np.asarray(x, "float64") * ONE + 0.5))


def shifted(sums, bits):
    """Integer-valued float64 divided by 2^bits, rounded and saturated; overwrites the array."""
    sums *= 2.0**-bits
    sums += 0.5
    np.floor(sums, out=sums)
    return np.clip(sums, -LARGEST, LARGEST, out=sums)


def rescaled(products):
    """Products of two activations, as activations, not limited: rounded to 12 fraction bits."""
    return np.floor(products * 2.0**-FRACTION_BITS + 0.5)


def dequantize(x):
    """The numbers that fixed-point activations stand for, float64."""
    return np.asarray(x, "float64") / ONE


def checked_exponent(exponent):
    """The exponent as an int; raises ValueError if it is over `EXPONENT_LIMIT`."""
    if abs(int(exponent)) > EXPONENT_LIMIT:
        raise ValueError(f"exponent must be within +-{EXPONENT_LIMIT}, not {exponent}")
    return int(exponent)


def _largest_exponent(kernel, bias):
    """Largest k for which round(kernel * 2^k) is a 16-bit integer and all sums are exact."""
    largest = np.max(np.abs(kernel), initial=0.0)
    # A kernel of zeros is exact with any exponent; 15 keeps a fine grid for its bias.
    exponent = int(np.floor(np.log2(WEIGHT_LIMIT / largest))) if largest else 15
    while _sum_bound(*_scaled(kernel, bias, exponent)) >= EXACT_LIMIT:
        exponent -= 1
    return exponent


def _scaled(kernel, bias, exponent):
    return np.rint(kernel * 2.0**exponent), np.rint(bias * 2.0 ** (exponent + FRACTION_BITS))


def _sum_bound(kernel, bias):
    """Largest magnitude an accumulator can reach (the weights are integer-valued float64)."""
    return np.max(np.abs(kernel).sum((0, 1, 2)) * (LARGEST + 1.0) + np.abs(bias))


def _product(x, weights):
    # One tall matrix, where a stack of images would be many small products.
    return (x.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], -1)


class FixedPointConvolution(Stored):
    """Zero-padded convolution of integers, the exact counterpart of `SignalConvolution`.

    out = activation(saturate(floor((sum kernel * x + bias) * 2^-exponent + 1/2))), with leaky_relu
    as floor(x * 13107 / 2^16) for negative x.

    Args:
        kernel: integers of at most 15 bits and a sign, (h, w, in, out).
        bias: integers in units of the accumulator, (out,).
        exponent: power of two by which kernel and bias exceed the numbers they stand for.
        strides: downsampling factor.
        upsample: upsampling factor; zeros are inserted after each input sample.
        flip: mirror the kernel in both directions.
        activation: one of `ACTIVATIONS`.

    Call: integer-valued float64 (batch, height, width, in), or (rows, in) where the kernel is 1x1
    without strides; saturated. Returns the same kind.

    Raises:
        ValueError: unknown activation, strides and upsample below 1 or both above, a kernel that
            is no four-dimensional array of 16-bit integers, not as many biases as it has outputs,
            an exponent over `EXPONENT_LIMIT`, or sums that could reach 2^53.
    """

    FIELDS = {"kernel": "int16", "bias": "int64", "exponent": "int32", "strides": "int32",
              "upsample": "int32", "flip": "int32"}

    def __init__(self, kernel, bias, exponent, strides=1, upsample=1, flip=False,
                 activation=None):
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {ACTIVATIONS}, not {activation!r}")
        if min(strides, upsample) < 1 or strides > 1 and upsample > 1:
            raise ValueError(f"strides ({strides}) and upsample ({upsample}) must be at least 1, "
                             "and only one of them may exceed 1")
        self.kernel, self.bias = np.asarray(kernel), np.asarray(bias, "int64")
        if self.kernel.dtype.kind != "i" or np.any(np.abs(self.kernel.astype("int64"))
                                                   > WEIGHT_LIMIT):
            raise ValueError(f"kernel must be integers within +-{WEIGHT_LIMIT}")
        if self.kernel.ndim != 4 or self.bias.shape != self.kernel.shape[3:]:
            raise ValueError(f"kernel {self.kernel.shape} and bias {self.bias.shape} do not fit")
        self.exponent = checked_exponent(exponent)
        self.strides, self.upsample, self.flip = int(strides), int(upsample), bool(flip)
        self.activation = activation
        weights = self.kernel[::-1, ::-1] if self.flip else self.kernel
        self._weights = np.ascontiguousarray(weights, "float64")
        self._bias = self.bias.astype("float64")
        if _sum_bound(self._weights, self._bias) >= EXACT_LIMIT:
            raise ValueError("sums of this convolution could reach 2^53: lower its exponent")

    @classmethod
    def from_float(cls, kernel, bias=None, **options):
        """Rounds a float kernel (h, w, in, out) and bias to integers."""
        kernel = np.asarray(kernel, "float64")
        bias = np.zeros(kernel.shape[-1]) if bias is None else np.asarray(bias, "float64")
        exponent = _largest_exponent(kernel, bias)
        kernel, bias = _scaled(kernel, bias, exponent)
        return cls(kernel.astype("int16"), bias.astype("int64"), exponent, **options)

    def arrays(self):
        """What the constructor takes, as integer arrays; the activation by its number."""
        number = np.int32(ACTIVATIONS.index(self.activation))
        return {**super().arrays(), "activation": number}

    @classmethod
    def from_arrays(cls, arrays):
        return cls(**{**arrays, "activation": ACTIVATIONS[arrays["activation"]]})

    def __call__(self, x):
        return self.finish(self.accumulate(x))

    @property
    def matrix(self):
        """Weights (in, out) of a 1x1 convolution, integer-valued float64."""
        return self._weights[0, 0]

    def accumulate(self, x):
        """Exact sums of weights times inputs plus bias, in units of 2^-(12 + exponent)."""
        if self.kernel.shape[:2] == (1, 1) and self.strides == self.upsample == 1:
            sums = _product(x, self.matrix)
        elif self.upsample > 1:
            sums = self._accumulate_taps(x)
        else:
            sums = self._accumulate_windows(x)
        sums += self._bias
        return sums

    def finish(self, sums):
        """Rounds sums back to 12 fraction bits and applies the activation; overwrites them."""
        x = shifted(sums, self.exponent)
        if self.activation == "relu":
            return np.maximum(x, 0.0, out=x)
        if self.activation == "gelu":
            return gelu(x)
        if self.activation in SLOPES:
            slope = x * (SLOPES[self.activation] * 2.0**-16)
            return np.maximum(x, np.floor(slope, out=slope), out=x)
        return x

    def _accumulate_windows(self, x):
        """One product of all taps at once, some rows of outputs after the other."""
        high, wide = self.kernel.shape[:2]
        padding = [((n - 1) // 2, n // 2) if self.flip else (n // 2, (n - 1) // 2)
                   for n in (high, wide)]
        padded = np.pad(x, ((0, 0), *padding, (0, 0)))
        windows = sliding_window_view(padded, (high, wide), axis=(1, 2))
        windows = np.moveaxis(windows[:, ::self.strides, ::self.strides], 3, 5)
        weights = self._weights.reshape(-1, self._weights.shape[3])
        sums = np.empty((*windows.shape[:3], weights.shape[1]))
        some = max(WINDOWS // max(windows[:, :1].size, 1), 1)
        for first in range(0, windows.shape[1], some):
            part = sums[:, first:first + some]
            rows = windows[:, first:first + some].reshape(-1, len(weights))
            part[...] = (rows @ weights).reshape(part.shape)
        return sums

    def _accumulate_taps(self, x):
        """One product per tap, added where it belongs: skips what upsampling fills with zeros."""
        batch, *sides, _ = x.shape
        outputs = [-(-n * self.upsample // self.strides) for n in sides]
        sums = np.zeros((batch, *outputs, len(self._bias)))
        taps = [[self._tap(m, size, n) for m in range(size)]
                for size, n in zip(self.kernel.shape[:2], sides)]
        for i, (to_rows, from_rows) in enumerate(taps[0]):
            for j, (to_columns, from_columns) in enumerate(taps[1]):
                inputs = x[:, from_rows, from_columns]
                if inputs.size:
                    sums[:, to_rows, to_columns] += _product(inputs, self._weights[i, j])
        return sums

    def _tap(self, m, size, n):
        """Slices (output, input) along a side of n samples that tap m of size connects."""
        before = (size - 1) // 2 if self.flip else size // 2
        shift, step, phase = m - before, self.strides, self.upsample
        # Output o reads position o * strides + shift of the input with zeros inserted.
        first = (-shift) % phase
        start = (first + shift) // phase
        count = -(-n // step)
        skip = max(0, -(start // step))
        count = min(count, max(0, -(-(n - start) // step)))
        return (slice(first + skip * phase, first + max(count, skip) * phase, phase),
                slice(start + skip * step, start + max(count, skip) * step, step))
