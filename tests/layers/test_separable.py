import numpy as np
import pytest

from alic_tf.layers.separable import ConvolutionUnit, SeparableStack
from tests.layers.torch_golden import assert_survives_saving, assert_trains

RNG = np.random.default_rng(35)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("size", [(8, 6), (7, 5), (1, 1)])
def test_unit_samples_from_the_first_pixel(size, strides):
    """A depthwise kernel with a one in its centre subsamples the input at even positions."""
    x = np.abs(RNG.standard_normal((2, *size, 3))).astype("float32")
    unit = ConvolutionUnit(None, 5, strides)
    unit.build(x.shape)
    kernel = np.zeros((5, 5, 3, 1), "float32")
    kernel[2, 2] = 1
    unit.stages[0].kernel.assign(kernel)
    output = unit(x)
    assert output.shape == unit.compute_output_shape(x.shape)
    np.testing.assert_allclose(output, x[:, ::strides, ::strides], atol=1e-6)


def test_unit_slopes_negative_values_by_a_quarter():
    x = RNG.standard_normal((1, 2, 2, 3)).astype("float32")
    unit = ConvolutionUnit(3)
    unit.build(x.shape)
    unit.stages[0].kernel.assign(np.eye(3, dtype="float32")[None, None])
    np.testing.assert_allclose(unit(x), np.where(x > 0, x, x / 4), atol=1e-6)


@pytest.mark.parametrize(
    "layer", [ConvolutionUnit(5, 3), ConvolutionUnit(None, 3, 2), SeparableStack((6, 4), 5)]
)
def test_separable_layers_train_and_survive_saving(layer, tmp_path):
    x = RNG.standard_normal((2, 7, 6, 8)).astype("float32")
    assert_trains(layer, x)
    assert_survives_saving(layer, x, tmp_path)


def test_stack_closes_with_the_given_bias():
    stack = SeparableStack((6, 4), 5, bias=2.5)
    np.testing.assert_allclose(stack(np.zeros((1, 4, 4, 8), "float32")), np.full((1, 4, 4, 5), 2.5))
