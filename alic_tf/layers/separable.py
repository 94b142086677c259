"""Convolution units of the light networks: convolution, batch normalization, PReLU."""

import keras
from keras import ops

from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply


@keras.saving.register_keras_serializable(package="alic_tf")
class ConvolutionUnit(keras.layers.Layer):
    """Convolution, optional batch normalization, optional PReLU with one slope per channel.

    Zero padding is kernel_size // 2 on all sides also at stride 2 (where "same" of TensorFlow
    would shift the sampling grid by one pixel on even sizes). The bias is left out where batch
    normalization provides one.

    Args:
        filters: output channels; None for a depthwise convolution.
        kernel_size: odd integer.
        strides: 1 or 2.
        activation: whether PReLU (initial slope 0.25) follows.
        batch_normalization: whether to normalize (epsilon 1e-5) after the convolution.

    Shapes: [b, h, w, c] to [b, ceil(h / strides), ceil(w / strides), filters or c].

    Raises:
        ValueError: `kernel_size` is even.
    """

    def __init__(
        self,
        filters=None,
        kernel_size=1,
        strides=1,
        activation=True,
        batch_normalization=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.activation = activation
        self.batch_normalization = batch_normalization
        self.padding = kernel_size // 2 if strides > 1 else 0
        options = {
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": "valid" if self.padding else "same",
            "use_bias": not batch_normalization,
            "dtype": self.dtype_policy,
            "name": "convolution",
        }
        if filters is None:
            convolution = keras.layers.DepthwiseConv2D(**options)
        else:
            convolution = keras.layers.Conv2D(filters, **options)
        self.stages = [convolution]
        if batch_normalization:
            self.stages.append(
                keras.layers.BatchNormalization(
                    momentum=0.9, epsilon=1e-5, dtype=self.dtype_policy, name="normalization"
                )
            )
        if activation:
            self.stages.append(
                keras.layers.PReLU(
                    alpha_initializer=keras.initializers.Constant(0.25),
                    shared_axes=[1, 2],
                    dtype=self.dtype_policy,
                    name="activation",
                )
            )

    def build(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (size and size + 2 * self.padding for size in (height, width))
        build_sequence(self.stages, (batch, height, width, channels))

    def call(self, x):
        if self.padding:
            sides = (self.padding, self.padding)
            x = ops.pad(x, ((0, 0), sides, sides, (0, 0)))
        return apply(self.stages, x)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (size and -(-size // self.strides) for size in (height, width))
        return (batch, height, width, channels if self.filters is None else self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": self.activation,
            "batch_normalization": self.batch_normalization,
        }


@keras.saving.register_keras_serializable(package="alic_tf")
class SeparableStack(keras.layers.Layer):
    """Depthwise-separable 3x3 convolutions, closed by a plain 1x1 convolution with bias.

    Each separable convolution is a depthwise and a pointwise `ConvolutionUnit`.

    Args:
        widths: output channels of each separable convolution, for example (64, 32).
        filters: output channels of the closing 1x1 convolution.
        batch_normalization: whether the units normalize.
        bias: initial value of the closing bias.

    Shapes: [b, h, w, c] to [b, h, w, filters].
    """

    def __init__(self, widths, filters, batch_normalization=False, bias=0.0, **kwargs):
        super().__init__(**kwargs)
        self.widths = tuple(widths)
        self.filters = filters
        self.batch_normalization = batch_normalization
        self.bias = bias
        options = {"batch_normalization": batch_normalization, "dtype": self.dtype_policy}
        self.stages = []
        for i, width in enumerate(self.widths):
            self.stages.append(ConvolutionUnit(None, 3, name=f"depthwise_{i}", **options))
            self.stages.append(ConvolutionUnit(width, 1, name=f"pointwise_{i}", **options))
        self.stages.append(
            keras.layers.Conv2D(
                filters,
                1,
                bias_initializer=keras.initializers.Constant(bias),
                dtype=self.dtype_policy,
                name="closing",
            )
        )

    def build(self, input_shape):
        build_sequence(self.stages, input_shape)

    def call(self, x):
        return apply(self.stages, x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "widths": self.widths,
            "filters": self.filters,
            "batch_normalization": self.batch_normalization,
            "bias": self.bias,
        }
