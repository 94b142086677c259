"""Hierarchical blocks of the light model: inverted bottlenecks instead of multi-scale blocks."""

import keras

from alic_tf.layers.separable import ConvolutionUnit
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply


@keras.saving.register_keras_serializable(package="alic_tf")
class MBConv(keras.layers.Layer):
    """Inverted bottleneck: expand by a 1x1, filter depthwise, project by a 1x1 convolution.

    PReLU follows the first two, nothing the last; the expansion is left out for `expansion=1`.
    The input is added where input and output have the same shape. (Sandler et al., MobileNetV2,
    arXiv 1801.04381.)

    Args:
        filters: output channels.
        expansion: hidden width as a multiple of the input channels.
        kernel_size: odd size of the depthwise kernel.
        strides: 1 or 2, of the depthwise convolution.
        batch_normalization: whether batch normalization follows each convolution.

    Shapes: [b, h, w, c] to [b, ceil(h / strides), ceil(w / strides), filters].

    Raises:
        ValueError: `kernel_size` is even.
    """

    def __init__(
        self,
        filters,
        expansion=4,
        kernel_size=3,
        strides=1,
        batch_normalization=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.expansion = expansion
        self.kernel_size = kernel_size
        self.strides = strides
        self.batch_normalization = batch_normalization
        self.options = {"batch_normalization": batch_normalization, "dtype": self.dtype_policy}
        self.filtering = [
            ConvolutionUnit(None, kernel_size, strides, name="depthwise", **self.options),
            ConvolutionUnit(filters, activation=False, name="project", **self.options),
        ]

    def build(self, input_shape):
        channels = input_shape[-1]
        self.residual = self.strides == 1 and channels == self.filters
        self.expanding = []
        if self.expansion > 1:
            hidden = self.expansion * channels
            self.expanding.append(ConvolutionUnit(hidden, name="expand", **self.options))
        build_sequence(self.expanding + self.filtering, input_shape)

    def call(self, x):
        output = apply(self.expanding + self.filtering, x)
        return x + output if self.residual else output

    def compute_output_shape(self, input_shape):
        return self.filtering[1].compute_output_shape(
            self.filtering[0].compute_output_shape(input_shape)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "expansion": self.expansion,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "batch_normalization": self.batch_normalization,
        }


@keras.saving.register_keras_serializable(package="alic_tf")
class HCNN(keras.layers.Layer):
    """Two `MBConv` blocks, of expansion 4 and 2, with a shortcut around both.

    The shortcut is the identity, or a 1x1 convolution where the number of channels changes. Takes
    the place of the multi-scale residual block (MSRB) of Fu et al., arXiv 2206.10618.

    Args:
        filters: output channels.
        kernel_size: odd size of the depthwise kernels.
        batch_normalization: whether batch normalization follows each convolution of the blocks.

    Shapes: [b, h, w, c] to [b, h, w, filters].
    """

    def __init__(self, filters, kernel_size=3, batch_normalization=False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.batch_normalization = batch_normalization
        self.stages = [
            MBConv(
                filters,
                expansion,
                kernel_size,
                batch_normalization=batch_normalization,
                dtype=self.dtype_policy,
                name=name,
            )
            for name, expansion in (("first", 4), ("second", 2))
        ]

    def build(self, input_shape):
        self.shortcut = []
        if input_shape[-1] != self.filters:
            self.shortcut.append(
                keras.layers.Conv2D(self.filters, 1, dtype=self.dtype_policy, name="shortcut")
            )
        build_sequence(self.stages, input_shape)
        build_sequence(self.shortcut, input_shape)

    def call(self, x):
        return apply(self.stages, x) + apply(self.shortcut, x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "batch_normalization": self.batch_normalization,
        }
