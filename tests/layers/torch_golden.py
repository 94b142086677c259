"""Helpers: golden cases of the public PyTorch code of the light model, gradients, file round trip.

tests/data/dwan_torch.npz holds, per case, `input`, `output` and `state/<state_dict key>`, all in
PyTorch's layouts (NCHW, OIHW), of github.com/b-abhinay-mona/Asymmetric-Learned-Image-Compression
at commit dacfc52, in evaluation mode.
"""

import keras
import numpy as np
from keras import ops

from tests import golden

GOLDEN = golden.load("dwan_torch")
NORMALIZATION = ("weight", "bias", "running_mean", "running_var")


def channels_last(x):
    return np.moveaxis(x, 1, -1)


def load_state(case):
    start = f"{case}/state/"
    return {key[len(start) :]: GOLDEN[key] for key in GOLDEN if key.startswith(start)}


def conv_weights(state, name):
    """Kernel in HWIO, and bias if there is one."""
    weights = [np.transpose(state[f"{name}.weight"], (2, 3, 1, 0))]
    return weights + ([state[f"{name}.bias"]] if f"{name}.bias" in state else [])


def set_unit(unit, state, convolution, normalization, slope=None):
    """Sets the weights of a ConvolutionUnit with batch normalization."""
    kernel = conv_weights(state, convolution)[0]
    weights = [np.swapaxes(kernel, 2, 3) if unit.filters is None else kernel]
    gamma, beta, mean, variance = (state[f"{normalization}.{key}"] for key in NORMALIZATION)
    weights += [gamma, beta]
    if slope is not None:
        weights.append(state[f"{slope}.weight"][None, None])
    for variable, value in zip(unit.trainable_variables, weights, strict=True):
        variable.assign(value)
    for variable, value in zip(unit.non_trainable_variables, (mean, variance), strict=True):
        variable.assign(value)


def set_stack(stack, state, name):
    """Sets the weights of a SeparableStack from a Sequential of separable convolutions."""
    count = len(stack.widths)
    for i in range(count):
        part = f"{name}.{i}"
        depthwise, pointwise = stack.stages[2 * i : 2 * i + 2]
        set_unit(depthwise, state, f"{part}.depthwise", f"{part}.bn1", f"{part}.prelu1")
        set_unit(pointwise, state, f"{part}.pointwise", f"{part}.bn2", f"{part}.prelu2")
    stack.stages[-1].set_weights(conv_weights(state, f"{name}.{count}"))


class Offset(keras.layers.Layer):
    """Adds a weight, initially zero: its gradient is the gradient with respect to the input."""

    def build(self, input_shape):
        self.offset = self.add_weight(shape=input_shape[1:], initializer="zeros")

    def call(self, x):
        return x + self.offset


def input_gradient(layer, x, cotangent):
    """Gradient of sum(layer(x) * cotangent) with respect to x [1, h, w, c], on any backend."""
    offset = Offset()
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(offset(inputs)))
    model.compile(keras.optimizers.SGD(1.0), loss=lambda c, y: ops.sum(c * y, axis=(1, 2, 3)))
    model.train_on_batch(x, cotangent)
    return -ops.convert_to_numpy(offset.offset)[None]


def assert_trains(layer, x, select=lambda y: y):
    """One (large) step of gradient descent moves every trainable weight, by a finite amount."""
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, select(layer(inputs)))
    before = [ops.convert_to_numpy(v) for v in layer.trainable_variables]
    target = np.random.default_rng(5).standard_normal(model.compute_output_shape(x.shape))
    model.compile(keras.optimizers.SGD(1e3), loss="mse")
    assert np.isfinite(model.train_on_batch(x, target))
    assert before
    for old, variable in zip(before, layer.trainable_variables, strict=True):
        new = ops.convert_to_numpy(variable)
        assert np.isfinite(new).all() and (new != old).any(), variable.path


def assert_survives_saving(layer, x, path):
    """A model of this layer gives equal output after saving and loading."""
    inputs = keras.Input((None, None, x.shape[-1]))
    model = keras.Model(inputs, layer(inputs))
    model.save(path / "layer.keras")
    loaded = keras.models.load_model(path / "layer.keras")
    assert loaded.layers[-1].get_config() == layer.get_config()
    for expected, actual in zip(keras.tree.flatten(model(x)), keras.tree.flatten(loaded(x))):
        np.testing.assert_array_equal(actual, expected)
