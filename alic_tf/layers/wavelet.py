"""Wavelet transforms as Keras layers."""

import keras
import numpy as np
import pywt
from keras import ops


def haar_analysis(x):
    """One level of the orthonormal 2-D Haar transform.

    Args:
        x: float tensor [batch, height, width, channels]; height and width are even.

    Returns:
        [batch, height / 2, width / 2, 4 * channels]: the bands LL, LH, HL, HH, one after the other.
    """
    _, height, width, channels = ops.shape(x)
    rows = ops.reshape(x, (-1, height // 2, 2, width // 2, 2 * channels))
    # Each entry of the last axis now is a horizontal pair of pixels. Only contiguous slices and
    # sums follow: no transposition, and integer input stays exact in floating point.
    top, bottom = ops.unstack(rows, axis=2)
    left_sum, right_sum = ops.split(top + bottom, 2, axis=-1)
    left_diff, right_diff = ops.split(top - bottom, 2, axis=-1)
    bands = [
        left_sum + right_sum,
        left_sum - right_sum,
        left_diff + right_diff,
        left_diff - right_diff,
    ]
    return 0.5 * ops.concatenate(bands, axis=-1)


def haar_synthesis(x):
    """Exact inverse of `haar_analysis`: [b, h, w, 4 * c] to [b, 2 * h, 2 * w, c]."""
    _, height, width, channels = ops.shape(x)
    low, low_high, high_low, high = ops.split(x, 4, axis=-1)
    total = ops.concatenate([low + low_high, low - low_high], axis=-1)
    difference = ops.concatenate([high_low + high, high_low - high], axis=-1)
    rows = 0.5 * ops.stack([total + difference, total - difference], axis=2)
    return ops.reshape(rows, (-1, 2 * height, 2 * width, channels // 4))


class _Packet(keras.layers.Layer):
    def __init__(self, levels=1, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(levels, int) or levels < 1:
            raise ValueError(f"levels must be an integer >= 1, got {levels!r}")
        self.levels = levels

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable(package="alic_tf")
class HaarPacket(_Packet):
    """Orthonormal Haar wavelet packet: every band is split again at every level.

    A block [[a, b], [c, d]] becomes, in PyWavelets' convention, LL = (a + b + c + d) / 2,
    LH = (a - b + c - d) / 2, HL = (a + b - c - d) / 2, HH = (a - b - c + d) / 2 (first letter:
    filter along the height). The bands are concatenated in this order, each with all its channels,
    so that the output channel of input channel i is (band_levels * 4 + ... + band_1) * c + i: the
    first c channels are the local means (times 2**levels).

    Only sums and a halving are used: for integer-valued float32 input (|x| * 4**levels < 2**24)
    the transform and its inverse are exact. Under a reduced-precision policy the computation
    follows the policy; give `dtype="float32"` where the full precision of the image matters.

    Args:
        levels: number of splits L.

    Shapes: [b, h, w, c] to [b, h / 2**L, w / 2**L, c * 4**L].

    Raises:
        ValueError: `levels` < 1, or height or width not divisible by 2**levels.
    """

    def call(self, x):
        for _ in range(self.levels):
            x = haar_analysis(x)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        factor = 2**self.levels
        for size in (height, width):
            if size is not None and size % factor:
                raise ValueError(
                    f"HaarPacket(levels={self.levels}) needs height and width divisible by "
                    f"{factor}, got {height}x{width}"
                )
        height, width = (size and size // factor for size in (height, width))
        return (batch, height, width, channels * factor**2)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)


@keras.saving.register_keras_serializable(package="alic_tf")
class InverseHaarPacket(_Packet):
    """Inverse of `HaarPacket` with the same number of levels.

    Args:
        levels: number of splits L to undo.

    Shapes: [b, h, w, c * 4**L] to [b, h * 2**L, w * 2**L, c].

    Raises:
        ValueError: `levels` < 1, or channels not divisible by 4**levels.
    """

    def call(self, x):
        for _ in range(self.levels):
            x = haar_synthesis(x)
        return x

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        factor = 2**self.levels
        if channels % factor**2:
            raise ValueError(
                f"InverseHaarPacket(levels={self.levels}) needs channels divisible by {factor**2}, "
                f"got {channels}"
            )
        height, width = (size and size * factor for size in (height, width))
        return (batch, height, width, channels // factor**2)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)


class _FilterBank(keras.layers.Layer):
    def __init__(self, wavelet="haar", **kwargs):
        super().__init__(**kwargs)
        if wavelet not in pywt.wavelist(kind="discrete"):
            raise ValueError(
                f"unknown wavelet {wavelet!r}, allowed are the discrete ones of PyWavelets: "
                + ", ".join(pywt.wavelist(kind="discrete"))
            )
        self.wavelet = wavelet

    def get_config(self):
        return {**super().get_config(), "wavelet": self.wavelet}

    @staticmethod
    def kernel(low, high):
        """Kernel [taps, 1, 1, 2] that correlates with both filters along the first axis."""
        return np.stack([low, high], axis=-1)[:, None, None]


@keras.saving.register_keras_serializable(package="alic_tf")
class DWT(_FilterBank):
    """One level of the 2-D discrete wavelet transform, for any discrete PyWavelets filter.

    The signal continues periodically beyond its border, an odd height or width being extended by
    repetition of the last row or column: mode "periodization" of PyWavelets, to which the bands
    are equal, LL = cA, LH = cV, HL = cH, HH = cD (first letter: filter along the height). The
    number of coefficients is that of the (even) input, and `InverseDWT` reconstructs it perfectly
    up to rounding. For the Haar filter `HaarPacket` computes the same much faster.

    Args:
        wavelet: name of an orthogonal or biorthogonal wavelet, for example "db2" or "bior4.4".

    Shapes: [b, h, w, c] to [b, ceil(h / 2), ceil(w / 2), 4 * c], the bands LL, LH, HL, HH one
    after the other, each with all its channels.

    Raises:
        ValueError: unknown or continuous wavelet.
    """

    def __init__(self, wavelet="haar", **kwargs):
        super().__init__(wavelet, **kwargs)
        filters = pywt.Wavelet(self.wavelet)
        self.analysis = self.kernel(filters.dec_lo[::-1], filters.dec_hi[::-1])

    def _split(self, x, axis):
        """Low and high band of a [b, h, w, c] tensor along axis 1 or 2."""
        shape = ops.shape(x)
        size, taps = shape[axis], len(self.analysis)
        even = size + size % 2
        positions = (ops.arange(even + taps - 2) - (taps // 2 - 1)) % even
        x = ops.take(x, ops.minimum(positions, size - 1), axis=axis)
        # All other axes become batch or width: the bank is one convolution along the height.
        inner = shape[2] * shape[3] if axis == 1 else shape[3]
        x = ops.reshape(x, (-1, even + taps - 2, inner, 1))
        kernel = ops.cast(self.analysis, x.dtype)
        bands = ops.unstack(ops.conv(x, kernel, strides=(2, 1), padding="valid"), axis=-1)
        target = [-1, *shape[1:]]
        target[axis] = even // 2
        return [ops.reshape(band, target) for band in bands]

    def call(self, x):
        bands = [band for half in self._split(x, 1) for band in self._split(half, 2)]
        return ops.concatenate(bands, axis=-1)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (size and -(-size // 2) for size in (height, width))
        return (batch, height, width, 4 * channels)


@keras.saving.register_keras_serializable(package="alic_tf")
class InverseDWT(_FilterBank):
    """Inverse of `DWT` with the same wavelet (pywt.idwt2, mode "periodization").

    Args:
        wavelet: name of an orthogonal or biorthogonal wavelet, for example "db2" or "bior4.4".

    Call:
        x: [b, h, w, 4 * c], the bands LL, LH, HL, HH one after the other.
        size: (height, width) of the original, to which the result is cropped; needed where one of
            them is odd. Default: (2 * h, 2 * w).
        Returns [b, height, width, c].

    Raises:
        ValueError: unknown or continuous wavelet; channels not divisible by 4.
    """

    def __init__(self, wavelet="haar", **kwargs):
        super().__init__(wavelet, **kwargs)
        filters = pywt.Wavelet(self.wavelet)
        self.synthesis = self.kernel(filters.rec_lo, filters.rec_hi)

    def build(self, input_shape):
        if input_shape[-1] % 4:
            raise ValueError(f"InverseDWT needs channels divisible by 4, got {input_shape[-1]}")

    def _merge(self, low, high, axis):
        """Inverse of `DWT._split`."""
        shape = ops.shape(low)
        size, taps = shape[axis], len(self.synthesis)
        border = taps // 4
        x = ops.stack([low, high], axis=-1)
        x = ops.take(x, (ops.arange(size + 2 * border) - border) % size, axis=axis)
        inner = shape[2] * shape[3] if axis == 1 else shape[3]
        x = ops.reshape(x, (-1, size + 2 * border, inner, 2))
        kernel = ops.cast(self.synthesis, x.dtype)
        x = ops.conv_transpose(x, kernel, strides=(2, 1), padding="valid")
        first = 2 * border + taps // 2 - 1
        target = [-1, *shape[1:]]
        target[axis] = 2 * size
        return ops.reshape(x[:, first : first + 2 * size], target)

    def call(self, x, size=None):
        low, low_high, high_low, high = ops.split(x, 4, axis=-1)
        x = self._merge(self._merge(low, low_high, 2), self._merge(high_low, high, 2), 1)
        return x if size is None else x[:, : size[0], : size[1]]

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (size and 2 * size for size in (height, width))
        return (batch, height, width, channels // 4)

    def compute_output_spec(self, x, size=None):
        batch, *whole, channels = self.compute_output_shape(x.shape)
        return keras.KerasTensor((batch, *(size or whole), channels), dtype=self.compute_dtype)
