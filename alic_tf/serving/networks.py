"""The integer networks of an entropy model in TensorFlow operations, with equal results.

Integers in float64 below 2^53: exact on a CPU in any order of additions. GPU libraries may choose
algorithms that are not (transforms, say), so whoever calls these places them on a CPU.
"""

import numpy as np
import tensorflow as tf

from alic_tf.integer.fixed_point import LARGEST, SLOPES
from alic_tf.integer.parallel import FACTOR_BITS


def shift_right(x, bits):
    """x >> bits of int64, rounding towards minus infinity."""
    return tf.bitwise.right_shift(x, tf.constant(bits, x.dtype))


def shift_left(x, bits):
    """x << bits of int64."""
    return tf.bitwise.left_shift(x, tf.constant(bits, x.dtype))


def saturate(x):
    """Limits integer-valued float64 activations to the range in which sums stay exact."""
    return tf.clip_by_value(x, -float(LARGEST), float(LARGEST))


def multiply(x, factors):
    """Activations times factors with 16 fraction bits, rounded down; integer-valued float64."""
    return saturate(tf.floor(x * tf.cast(factors, tf.float64) * 2.0**-FACTOR_BITS))


def stored(array):
    """An array that travels among the variables of the SavedModel, as it is in the model file."""
    return tf.Variable(array, trainable=False)


def _rounded(sums, exponent):
    return saturate(tf.floor(sums * 2.0**-exponent + 0.5))


class Convolution(tf.Module):
    """A `FixedPointConvolution`.

    Args:
        exact: the layer.

    Call: integer-valued float64 (batch, height, width, in), or (rows, in) where the kernel is 1x1
    without strides; saturated. Returns the same kind.

    Raises:
        NotImplementedError: its activation has no counterpart here.
    """

    def __init__(self, exact):
        super().__init__()
        if exact.activation not in (None, "relu", *SLOPES):
            raise NotImplementedError(f"activation {exact.activation!r}")
        self.kernel = stored(np.flip(exact.kernel, (0, 1)) if exact.flip else exact.kernel)
        self.bias = stored(exact.bias)
        self._exact = exact

    def __call__(self, x):
        return self.finish(self.accumulate(x))

    @property
    def weights(self):
        """The kernel (h, w, in, out) as it multiplies, integer-valued float64."""
        return tf.cast(self.kernel, tf.float64)

    def accumulate(self, x):
        """Exact sums of weights times inputs plus bias, in units of 2^-(12 + exponent)."""
        size, strides, upsample = self.kernel.shape[0], self._exact.strides, self._exact.upsample
        bias = tf.cast(self.bias, tf.float64)
        if size == strides == upsample == 1:
            sums = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), self.weights[0, 0]) + bias
            return tf.reshape(sums, tf.concat([tf.shape(x)[:-1], tf.shape(bias)], 0))
        if upsample > 1:
            x = _insert_zeros(x, upsample)
        before = (size - 1) // 2 if self._exact.flip else size // 2
        side = (before, size - 1 - before)
        x = tf.pad(x, ((0, 0), side, side, (0, 0)))
        return tf.nn.conv2d(x, self.weights, strides, "VALID") + bias

    def finish(self, sums):
        """Rounds sums back to 12 fraction bits and applies the activation."""
        x = _rounded(sums, self._exact.exponent)
        if self._exact.activation == "relu":
            return tf.nn.relu(x)
        if self._exact.activation in SLOPES:
            return tf.maximum(x, tf.floor(x * (SLOPES[self._exact.activation] * 2.0**-16)))
        return x


def _insert_zeros(x, factor):
    """(batch, h, w, c) with factor - 1 zeros behind each sample, (batch, factor h, factor w, c)."""
    batch, height, width, channels = tf.unstack(tf.shape(x))
    behind = (0, factor - 1)
    x = tf.pad(x[:, :, None, :, None], ((0, 0), (0, 0), behind, (0, 0), behind, (0, 0)))
    return tf.reshape(x, [batch, height * factor, width * factor, channels])


class Scan(tf.Module):
    """A `FixedPointScan`: long depthwise convolutions along rows and columns, and their sum.

    Args:
        exact: the layer.

    Call: integer-valued float64 (batch, height, width, channels), saturated. Returns the same.
    """

    def __init__(self, exact):
        super().__init__()
        self.rows, self.columns = stored(exact.rows), stored(exact.columns)
        self._exponent = exact.exponent

    def __call__(self, x):
        rows, columns = (tf.transpose(tf.cast(taps, tf.float64)) for taps in
                         (self.rows, self.columns))
        sums = sum(tf.nn.depthwise_conv2d(x, taps, [1, 1, 1, 1], "SAME")
                   for taps in (rows[None, :, :, None], columns[:, None, :, None]))
        return _rounded(sums, self._exponent)
