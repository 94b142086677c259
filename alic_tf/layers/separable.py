"""Convolution units of the light networks: convolution, batch normalization, PReLU."""

import keras
from keras import ops


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
        output_shape = self.compute_output_shape(input_shape)
        self.stages[0].build(input_shape)
        for stage in self.stages[1:]:
            stage.build(output_shape)

    def call(self, x, training=None):
        if self.padding:
            sides = (self.padding, self.padding)
            x = ops.pad(x, ((0, 0), sides, sides, (0, 0)))
        for stage in self.stages:
            if isinstance(stage, keras.layers.BatchNormalization):
                x = stage(x, training=training)
            else:
                x = stage(x)
        return x

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
