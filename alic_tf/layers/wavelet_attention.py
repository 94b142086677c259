"""Importance of latent elements, derived from their Haar bands."""

import keras
from keras import ops

from alic_tf.layers.separable import SeparableStack
from alic_tf.layers.wavelet import haar_analysis


def _pad_to_even(x, axis):
    """Repeats the last row or column if their number is odd; the number may be dynamic."""
    size = ops.shape(x)[axis]
    odd = size % 2
    if isinstance(odd, int) and odd == 0:
        return x
    before_axis = (slice(None),) * axis
    return ops.concatenate([x, x[before_axis + (slice(size - odd, size),)]], axis=axis)


def _double(x, axis):
    """Bilinear (half-pixel centres, edges repeated) upsampling by two along one axis.

    Unlike `ops.image.resize`, for sizes that are known only when the graph runs.
    """
    before_axis = (slice(None),) * axis
    first, last = x[before_axis + (slice(0, 1),)], x[before_axis + (slice(-1, None),)]
    previous = ops.concatenate([first, x[before_axis + (slice(0, -1),)]], axis=axis)
    following = ops.concatenate([x[before_axis + (slice(1, None),)], last], axis=axis)
    pairs = ops.stack([0.75 * x + 0.25 * previous, 0.75 * x + 0.25 * following], axis=axis + 1)
    shape = list(ops.shape(x))
    shape[axis] = 2 * shape[axis]
    return ops.reshape(pairs, (-1, *shape[1:]))


@keras.saving.register_keras_serializable(package="alic_tf")
class WaveletAttention(keras.layers.Layer):
    """Discrete-wavelet attention (DWAN): scales a latent by an importance in [minimum, 1].

    The Haar bands LL, LH, HL, HH of the input are concatenated and reduced from 4C to
    C / reduction, then to C / reduction**2 channels by depthwise-separable 3x3 convolutions
    (depthwise, PReLU, pointwise, PReLU), widened to C by a 1x1 convolution, squashed by a sigmoid,
    upsampled bilinearly to the size of the input and rescaled. It takes the place of the importance
    map of Fu et al., arXiv 2206.10618, section III-C. Odd heights and widths are extended by
    repetition of the last row or column.

    Args:
        minimum: the importance of an element the network considers irrelevant, in [0, 1).
        reduction: integer by which each of the two separable convolutions narrows.
        batch_normalization: whether batch normalization follows each depthwise and pointwise
            convolution, as in the public implementation.
        importance_bias_init: initial bias before the sigmoid; 4 starts near importance 1.

    Input [b, h, w, C]. Returns a pair of tensors of the same shape: (x * importance, importance).

    Raises:
        ValueError: `minimum` outside [0, 1).
    """

    def __init__(
        self,
        minimum=0.3,
        reduction=2,
        batch_normalization=False,
        importance_bias_init=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not 0 <= minimum < 1:
            raise ValueError(f"minimum must be in [0, 1), got {minimum}")
        self.minimum = minimum
        self.reduction = reduction
        self.batch_normalization = batch_normalization
        self.importance_bias_init = importance_bias_init

    def build(self, input_shape):
        channels = input_shape[-1]
        widths = [max(channels // self.reduction**i, 1) for i in (1, 2)]
        self.logits = SeparableStack(
            widths,
            channels,
            self.batch_normalization,
            self.importance_bias_init,
            dtype=self.dtype_policy,
            name="logits",
        )
        self.logits.build((None, None, None, 4 * channels))

    def call(self, x):
        _, height, width, _ = ops.shape(x)
        even = _pad_to_even(_pad_to_even(x, 1), 2)
        importance = ops.sigmoid(self.logits(haar_analysis(even)))
        importance = _double(_double(importance, 1), 2)
        importance = importance[:, :height, :width, :]
        importance = self.minimum + (1 - self.minimum) * importance
        return x * importance, importance

    def compute_output_shape(self, input_shape):
        return tuple(input_shape), tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "minimum": self.minimum,
            "reduction": self.reduction,
            "batch_normalization": self.batch_normalization,
            "importance_bias_init": self.importance_bias_init,
        }
