"""The state-space layer against its recurrence, step by step in float64."""

import keras
import numpy as np
import pytest

from alic_tf.layers.state_space import StateSpace


def layer_with_random_weights(channels, states, reach):
    layer = StateSpace(states, reach)
    layer.build((None, None, None, channels))
    rng = np.random.default_rng(0)
    layer.log_rates.assign(rng.uniform(-2, 0.5, layer.log_rates.shape))
    layer.outputs.assign(rng.normal(size=layer.outputs.shape))
    return layer


def recurrence(x, rates, outputs):
    """out[t] = c . h[t] with h[t] = exp(-r) (h[t-1] + x[t-1]), along axis 0 of x [t, ..., C]."""
    state = np.zeros((*x.shape[1:], rates.shape[-1]))
    out = np.zeros(x.shape)
    for t in range(1, len(x)):
        state = np.exp(-rates) * (state + x[t - 1][..., None])
        out[t] = (state * outputs).sum(-1)
    return out


def four_directions(layer, x):
    """The layer's result if nothing is cut, float64."""
    rates = np.exp(np.asarray(layer.log_rates, "float64"))
    outputs = np.asarray(layer.outputs, "float64")
    total = np.zeros(x.shape)
    # From the left, from the right, from above, from below.
    for i, (axis, backwards) in enumerate([(2, False), (2, True), (1, False), (1, True)]):
        ordered = np.moveaxis(x.astype("float64"), axis, 0)
        ordered = ordered[::-1] if backwards else ordered
        out = recurrence(ordered, rates[i], outputs[i])
        total += np.moveaxis(out[::-1] if backwards else out, 0, axis)
    return total


@pytest.mark.parametrize("height, width", [(1, 1), (7, 12), (20, 3)])
def test_equals_the_recurrence_in_four_directions(height, width):
    layer = layer_with_random_weights(channels=3, states=4, reach=20)
    x = np.random.default_rng(1).normal(size=(2, height, width, 3)).astype("float32")
    np.testing.assert_allclose(layer(x), four_directions(layer, x), atol=1e-4)


def test_is_cut_at_its_reach():
    layer = layer_with_random_weights(channels=2, states=3, reach=4)
    x = np.zeros((1, 15, 17, 2), "float32")
    x[0, 7, 8] = 1
    y, whole = np.asarray(layer(x)), four_directions(layer, x)
    rows, columns = np.abs(np.arange(15) - 7)[:, None], np.abs(np.arange(17) - 8)[None]
    reached = ((rows == 0) ^ (columns == 0)) & (np.maximum(rows, columns) <= 4)
    np.testing.assert_allclose(y[0][reached], whole[0][reached], atol=1e-5)
    assert np.all(y[0][reached] != 0) and np.all(y[0][~reached] == 0)
    assert np.any(whole[0][~reached] != 0)


def test_starts_with_decaying_taps_of_several_speeds():
    layer = StateSpace(states=4, reach=32)
    layer.build((None, None, None, 5))
    rates = np.exp(np.asarray(layer.log_rates))
    np.testing.assert_allclose(rates[..., 0], 0.05, rtol=1e-5)
    np.testing.assert_allclose(rates[..., -1], 1.5, rtol=1e-5)
    for taps in layer.taps():
        assert taps.shape == (5, 65) and np.all(np.asarray(taps)[:, 32] == 0)


def test_configuration_gives_the_same_layer():
    layer = StateSpace(states=2, reach=5, name="scan")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
