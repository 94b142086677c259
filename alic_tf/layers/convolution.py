"""Convolutions with the padding and upsampling rules of the original signal-processing layers."""

import keras
import numpy as np
from keras import ops

from alic_tf import topology
from alic_tf.layers import arithmetic

# Slopes for negative numbers: 0.2 throughout Fu et al., 0.01 throughout CompressAI.
SLOPES = {"leaky_relu": 0.2, "leaky_relu_0.01": 0.01}
ACTIVATIONS = (None, "relu", *SLOPES, "gelu")


def activate(x, activation):
    """Applies one of `ACTIVATIONS` (gelu is the exact one, by the Gaussian distribution)."""
    if activation == "relu":
        return ops.relu(x)
    if activation == "gelu":
        return ops.gelu(x, approximate=False)
    if activation in SLOPES:
        return ops.leaky_relu(x, SLOPES[activation])
    return x


def depth_to_space(x, factor):
    """Turns (batch, h, w, factor^2 * c) into (batch, factor*h, factor*w, c), row offset first."""
    return ops.depth_to_space(x, factor)


def space_to_depth(x, factor):
    """Inverse of `depth_to_space`; height and width must be multiples of factor."""
    return ops.space_to_depth(x, factor)


def _check_activation(activation):
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {ACTIVATIONS}, not {activation!r}")


@keras.saving.register_keras_serializable(package="alic_tf")
class SignalConvolution(keras.layers.Layer):
    """Zero-padded 2-D convolution whose samples stay aligned with those of its input.

    A kernel of k x k taps pads its input by (k//2, (k-1)//2) zeros, mirrored if flip is set, so
    that output 0 is centred on input 0 at any stride. Keras's 'same' agrees with that only at
    stride 1 and odd k: at stride 2 it depends on the size of the input. All networks of Fu et al.
    (arXiv 2206.10618) were trained with this rule.

    Args:
        filters: number of output channels.
        kernel_size: taps along each side.
        strides: downsampling factor; an input side n gives ceil(n / strides).
        upsample: upsampling factor; that many samples less one of zero are inserted after each
            input sample, and a side n gives n * upsample.
        flip: mirror the kernel in both directions, that is, convolve instead of correlate.
        use_bias: add one trainable number per filter.
        activation: one of `ACTIVATIONS`.

    Input and output are (batch, height, width, channels), of the layer's compute dtype.

    Raises:
        ValueError: unknown activation; strides and upsample both above 1; or an even kernel_size
            together with upsample and flip=False, whose centre would be undefined.
    """

    def __init__(self, filters, kernel_size, strides=1, upsample=1, flip=False, use_bias=True,
                 activation=None, **kwargs):
        super().__init__(**kwargs)
        _check_activation(activation)
        if strides > 1 and upsample > 1:
            raise ValueError(f"only one of strides ({strides}) and upsample ({upsample}) may "
                             "exceed 1")
        if upsample > 1 and not flip and kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd where flip is False and upsample is above "
                             f"1, not {kernel_size}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.upsample = upsample
        self.flip = flip
        self.use_bias = use_bias
        self.activation = activation

    def build(self, input_shape):
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(shape=shape, initializer="lecun_normal", name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def correlation_kernel(self):
        """The kernel (h, w, in, out) as it multiplies the input: mirrored if flip is set."""
        kernel = ops.convert_to_tensor(self.kernel)
        return ops.flip(kernel, axis=(0, 1)) if self.flip else kernel

    def call(self, x):
        kernel = self.correlation_kernel()
        if self.upsample > 1:
            y = self._upsampling_convolution(x, kernel)
        elif self.kernel_size == 1:
            # Left to the convolution, the strides would have oneDNN (TensorFlow 2.17) write beyond
            # its memory when it computes the gradient of the kernel.
            y = ops.conv(x[:, :: self.strides, :: self.strides], kernel)
        elif self.strides == 1 and self.kernel_size % 2:
            y = ops.conv(x, kernel, padding="same")
        else:
            # Backends differ in how 'same' shifts the samples.
            side = (self.kernel_size // 2, (self.kernel_size - 1) // 2)
            side = side[::-1] if self.flip else side
            x = ops.pad(x, ((0, 0), side, side, (0, 0)))
            y = ops.conv(x, kernel, strides=self.strides, padding="valid")
        if self.use_bias:
            y = y + ops.convert_to_tensor(self.bias)
        return activate(y, self.activation)

    def _upsampling_convolution(self, x, kernel):
        # A transposed convolution adds the kernel itself around each input sample, which is a
        # correlation with the mirrored kernel.
        kernel = ops.transpose(ops.flip(kernel, axis=(0, 1)), (0, 1, 3, 2))
        y = ops.conv_transpose(x, kernel, strides=self.upsample, padding="valid")
        first = self.kernel_size // 2
        # Kernels short of the distance between samples leave the last outputs, all zero, unmade.
        short = max(0, first + self.upsample - max(self.kernel_size, self.upsample))
        y = ops.pad(y, ((0, 0), (0, short), (0, short), (0, 0))) if short else y
        height, width = ops.shape(x)[1:3]
        return y[:, first:first + height * self.upsample, first:first + width * self.upsample]

    def compute_output_shape(self, input_shape):
        def side(n):
            return None if n is None else -(-n * self.upsample // self.strides)

        return (input_shape[0], side(input_shape[1]), side(input_shape[2]), self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size,
                "strides": self.strides, "upsample": self.upsample, "flip": self.flip,
                "use_bias": self.use_bias, "activation": self.activation}


@keras.saving.register_keras_serializable(package="alic_tf")
class MaskedConvolution(SignalConvolution):
    """Convolution that sees only what a raster scan has already decoded (mask type A).

    Taps at the centre, to its right in its row, and in all rows below are zero, so that output
    (i, j) depends on inputs above row i and left of column j in row i alone
    (van den Oord et al., arXiv 1606.05328; context model of Fu et al., figure 2).

    Args:
        filters: number of output channels.
        kernel_size: taps along each side, odd.

    Raises:
        ValueError: kernel_size is even.
    """

    def __init__(self, filters, kernel_size=5, **kwargs):
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, not {kernel_size}")
        super().__init__(filters, kernel_size, **kwargs)
        centre = kernel_size // 2
        self.mask = np.zeros((kernel_size, kernel_size, 1, 1), "float32")
        self.mask[:centre] = 1
        self.mask[centre, :centre] = 1

    def correlation_kernel(self):
        """The kernel (h, w, in, out) as it multiplies the input: zero outside the mask."""
        kernel = super().correlation_kernel()
        return kernel * ops.cast(self.mask, kernel.dtype)


@keras.saving.register_keras_serializable(package="alic_tf")
class SubpixelConvolution(keras.layers.Layer):
    """Doubling of the resolution: a convolution to four times the channels, rearranged into pixels.

    Shi et al., arXiv 1609.05158; the decoder of Fu et al. applies the activation before the
    rearrangement, as here.

    Args:
        filters: number of output channels.
        kernel_size: taps along each side.
        activation: one of `ACTIVATIONS`.
        flip: mirror the kernel, as in `SignalConvolution`.

    Maps (batch, h, w, c) to (batch, 2h, 2w, filters).
    """

    def __init__(self, filters, kernel_size, activation=None, flip=False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.convolution = SignalConvolution(4 * filters, kernel_size, flip=flip,
                                             activation=activation, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.convolution.build(input_shape)

    def call(self, x):
        return topology.subpixel(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(n and 2 * n for n in sides), self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters,
                "kernel_size": self.convolution.kernel_size,
                "activation": self.convolution.activation, "flip": self.convolution.flip}
