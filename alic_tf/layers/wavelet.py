"""Wavelet transforms as Keras layers."""

import keras
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
    left_sum, right_sum = ops.split(rows[:, :, 0] + rows[:, :, 1], 2, axis=-1)
    left_diff, right_diff = ops.split(rows[:, :, 0] - rows[:, :, 1], 2, axis=-1)
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
