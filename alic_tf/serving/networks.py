"""The integer layers of an entropy model in TensorFlow operations, with equal results."""

import numpy as np
import tensorflow as tf

from alic_tf.integer import attention, normalization
from alic_tf.integer.fixed_point import FRACTION_BITS, ONE, SLOPES, FixedPointConvolution
from alic_tf.integer.layers import Block as ExactBlock
from alic_tf.integer.scan import FixedPointScan
from alic_tf.serving import arithmetic
from alic_tf.serving.arithmetic import gelu, nearest, saturate, softmax_weights, stored


def _rounded(sums, exponent):
    return saturate(nearest(sums * 2.0**-exponent))


class Convolution(tf.Module):
    """A `FixedPointConvolution`.

    Args:
        exact: the layer.

    Call: integer-valued float64 (batch, height, width, in), or (rows, in) where the kernel is 1x1
    without strides; saturated. Returns the same kind.
    """

    def __init__(self, exact):
        super().__init__()
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
        if self._exact.activation is None:
            return x
        if self._exact.activation == "relu":
            return tf.nn.relu(x)
        if self._exact.activation == "gelu":
            return gelu(x)
        return tf.maximum(x, tf.floor(x * (SLOPES[self._exact.activation] * 2.0**-16)))


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


class GDN(tf.Module):
    """A `FixedPointGDN`."""

    def __init__(self, exact):
        super().__init__()
        self.norm = Convolution(exact.norm)
        self._exponent, self._inverse = exact.norm.exponent, exact.inverse

    def __call__(self, x):
        bits = normalization.SQUARE_BITS - 2 * FRACTION_BITS
        sums = self.norm.accumulate(saturate(tf.floor(x * x * 2.0**bits)))
        root = tf.floor(tf.sqrt(sums * 2.0 ** (FRACTION_BITS - self._exponent)))
        if self._inverse:
            return saturate(arithmetic.multiply(x, root))
        return saturate(nearest(x * ONE / tf.maximum(root, 1.0)))


class LayerNorm(tf.Module):
    """A `FixedPointLayerNorm`."""

    def __init__(self, exact):
        super().__init__()
        self.scale, self.shift = stored(exact.scale), stored(exact.shift)
        # A variable: division by a constant would be made a multiplication by its inverse.
        self.channels = stored(np.float64(len(exact.scale)))

    def __call__(self, x):
        largest = float(normalization.LARGEST_DEVIATION)
        mean = nearest(tf.reduce_sum(x, -1, keepdims=True) / self.channels)
        deviation = tf.clip_by_value(x - mean, -largest, largest)
        squares = tf.reduce_sum(tf.square(deviation), -1, keepdims=True)
        variance = squares / self.channels + normalization.EPSILON
        x = nearest(deviation * ONE / tf.sqrt(variance))
        scale, shift = (tf.cast(x, tf.float64) for x in (self.scale, self.shift))
        return saturate(nearest(x * scale * 2.0**-normalization.SCALE_BITS) + shift)


class WindowAttention(tf.Module):
    """A `FixedPointWindowAttention`."""

    def __init__(self, exact):
        super().__init__()
        self.embedding = Convolution(exact.embedding)
        self.projection = Convolution(exact.projection)
        self.positions = stored(exact.positions)
        self._window, self._shifted = exact.window, exact.shifted

    def __call__(self, x):
        batch, height, width, _ = tf.unstack(tf.shape(x))
        heads, channels = self.positions.shape[0], x.shape[-1]
        window, places = self._window, self._window**2
        before = window // 2 if self._shifted else 0
        rows, columns = (-(-(n + before) // window) for n in (height, width))
        sides = [(before, count * window - n - before)
                 for count, n in ((rows, height), (columns, width))]

        def windows(x):
            """(batch * rows * columns, places, channels) of a padded picture."""
            x = tf.pad(x, [(0, 0), *sides, (0, 0)])
            x = tf.reshape(x, [-1, rows, window, columns, window, tf.shape(x)[-1]])
            return tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, places, tf.shape(x)[-1]])

        embedded = tf.reshape(windows(self.embedding(x)),
                              [-1, places, 3, heads, channels // heads])
        queries, keys, values = tf.unstack(tf.transpose(embedded, [2, 0, 3, 1, 4]))
        largest = float(attention.LARGEST_KEY)
        queries, keys = (tf.clip_by_value(x, -largest, largest) for x in (queries, keys))
        unit = 1 / (ONE * np.sqrt(channels // heads))
        logits = nearest(tf.matmul(queries, keys, transpose_b=True) * unit)
        offsets = attention.window_offsets(window)
        logits += tf.cast(tf.gather(self.positions, offsets, axis=1), tf.float64)
        inside = windows(tf.ones([1, height, width, 1], tf.float64))[..., 0] > 0
        inside = tf.tile(inside, [batch, 1])[:, None, None]
        weights = softmax_weights(tf.where(inside, logits, attention.IMPOSSIBLE))
        x = nearest(tf.matmul(weights, values) / tf.reduce_sum(weights, -1, keepdims=True))
        x = tf.reshape(tf.transpose(x, [0, 2, 1, 3]),
                       [batch, rows, columns, window, window, channels])
        x = tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]),
                       [batch, rows * window, columns * window, channels])
        return self.projection(x[:, before:before + height, before:before + width])


class Block(tf.Module):
    """A block of `integer.layers`, of the same topology."""

    def __init__(self, exact):
        super().__init__()
        self._topology = exact.topology
        for name in exact.names:
            setattr(self, name, served(getattr(exact, name)))

    def __call__(self, x):
        return self._topology(self, x, arithmetic)


# By the class of the layer in numpy.
_LAYERS = {
    FixedPointConvolution: Convolution,
    FixedPointScan: Scan,
    normalization.FixedPointGDN: GDN,
    normalization.FixedPointLayerNorm: LayerNorm,
    attention.FixedPointWindowAttention: WindowAttention,
    ExactBlock: Block,
}


def served(layer):
    """The counterpart of an integer layer, or of a list of layers; None of None."""
    if isinstance(layer, list):
        return [served(part) for part in layer]
    return layer and _LAYERS[type(layer)](layer)
