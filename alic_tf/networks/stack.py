"""Plain stacks of convolutions, described by data."""

import keras

from alic_tf.layers.convolution import SignalConvolution


@keras.saving.register_keras_serializable(package="alic_tf")
class ConvolutionStack(keras.layers.Layer):
    """Convolutions one after the other.

    Args:
        layers: list of dictionaries, each the arguments of one `SignalConvolution`.

    Attributes:
        layers_sequence: the `SignalConvolution` layers, in order.
    """

    def __init__(self, layers, **kwargs):
        super().__init__(**kwargs)
        self.specification = list(layers)
        self.layers_sequence = [
            SignalConvolution(**arguments, dtype=self.dtype_policy, name=f"layer_{i}")
            for i, arguments in enumerate(self.specification)
        ]

    def build(self, input_shape):
        channels = input_shape[-1]
        for layer in self.layers_sequence:
            layer.build((None, None, None, channels))
            channels = layer.filters
        self.built = True

    def call(self, x):
        for layer in self.layers_sequence:
            x = layer(x)
        return x

    def get_config(self):
        return {**super().get_config(), "layers": self.specification}
