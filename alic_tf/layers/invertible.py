"""Invertible networks: nothing of the picture is lost in them, in either direction."""

import keras
from keras import ops

from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply


@keras.saving.register_keras_serializable(package="alic_tf")
class InvertibleConvolution(keras.layers.Layer):
    """A square matrix over the channels of each pixel, and its inverse.

    Initially a random rotation (Kingma and Dhariwal, arXiv 1807.03039, section 3.2).

    Call: (batch, h, w, c) to the same; inverse=True undoes it.
    """

    def build(self, input_shape):
        channels = input_shape[-1]
        # Half precision is no place to invert a matrix.
        self.kernel = self.add_weight(shape=(channels, channels), initializer="orthogonal",
                                      name="kernel", autocast=False)

    def call(self, x, inverse=False):
        kernel = ops.convert_to_tensor(self.kernel)
        kernel = ops.linalg.inv(kernel) if inverse else kernel
        return ops.matmul(x, ops.cast(kernel, x.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable(package="alic_tf")
class AffineCoupling(keras.layers.Layer):
    """Scales and shifts some channels by networks of the others, then the others by those.

        a' = a * exp(c(G2(b))) + H2(b);   b' = b * exp(c(G1(a'))) + H1(a')

    with c(v) = 2 sigmoid(v) - 1. Each network is k x k, 1x1, k x k with LeakyReLU between; the
    last starts at zero, and the layer as the identity (Xie et al., arXiv 2108.03690, section 3.2).

    Args:
        first: channels of a; b has the others.
        kernel_size: k, odd.

    Call: (batch, h, w, c) to the same; inverse=True undoes it.
    """

    def __init__(self, first=1, kernel_size=3, **kwargs):
        super().__init__(**kwargs)
        self.first, self.kernel_size = first, kernel_size

    def build(self, input_shape):
        grid, second = input_shape[:-1], input_shape[-1] - self.first
        # In the letters of the formula: the second is of b and makes a, the first of a' makes b.
        self.g1, self.h1, self.g2, self.h2 = (
            self._network(outputs) for outputs in (second, second, self.first, self.first))
        for network, inputs in ((self.g1, self.first), (self.h1, self.first),
                                (self.g2, second), (self.h2, second)):
            build_sequence(network, (*grid, inputs))
            kernel = network[-1].kernel
            kernel.assign(ops.zeros(kernel.shape))

    def _network(self, outputs):
        options = {"dtype": self.dtype_policy}
        return [SignalConvolution(outputs, self.kernel_size, activation="leaky_relu", **options),
                SignalConvolution(outputs, 1, activation="leaky_relu", **options),
                SignalConvolution(outputs, self.kernel_size, **options)]

    def call(self, x, inverse=False):
        a, b = x[..., :self.first], x[..., self.first:]
        if inverse:
            b = self._unscaled(b, a, self.g1, self.h1)
            a = self._unscaled(a, b, self.g2, self.h2)
        else:
            a = self._scaled(a, b, self.g2, self.h2)
            b = self._scaled(b, a, self.g1, self.h1)
        return ops.concatenate([a, b], axis=-1)

    def _scaled(self, x, other, scale, shift):
        return x * self._factor(scale, other) + apply(shift, other)

    def _unscaled(self, x, other, scale, shift):
        return (x - apply(shift, other)) / self._factor(scale, other)

    @staticmethod
    def _factor(network, x):
        return ops.exp(2 * ops.sigmoid(apply(network, x)) - 1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "first": self.first, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="alic_tf")
class InvertibleNetwork(keras.layers.Layer):
    """Levels of an invertible convolution and three couplings, on the pixels themselves.

    The invertible network of ICWEM (Liao 2024, github.com/J-S-Liao/ICWEM).

    Args:
        kernel_sizes: of the couplings of each level.

    Call: (batch, h, w, c) to the same; inverse=True undoes it.
    """

    COUPLINGS = 3

    def __init__(self, kernel_sizes=(5, 5, 3, 3), **kwargs):
        super().__init__(**kwargs)
        self.kernel_sizes = tuple(kernel_sizes)
        options = {"dtype": self.dtype_policy}
        self.operations = []
        for size in self.kernel_sizes:
            self.operations.append(InvertibleConvolution(**options))
            self.operations += [AffineCoupling(1, size, **options) for _ in range(self.COUPLINGS)]

    def build(self, input_shape):
        build_sequence(self.operations, input_shape)

    def call(self, x, inverse=False):
        for operation in reversed(self.operations) if inverse else self.operations:
            x = operation(x, inverse=inverse)
        return x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "kernel_sizes": self.kernel_sizes}
