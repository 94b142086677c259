import keras
import numpy as np
import pytest

from alic_tf.training.optimizer import FiniteAdam


def test_finite_steps_are_those_of_adam_and_others_teach_nothing():
    weights = [keras.Variable(np.ones(3, "float32")) for _ in range(2)]
    optimizers = [FiniteAdam(0.1), keras.optimizers.Adam(0.1)]
    for step, bad in enumerate([None, np.nan, np.inf, None]):
        gradient = np.array([0.5, -step, 1], "float32")
        for variable, optimizer in zip(weights, optimizers):
            given = gradient.copy()
            if bad is not None:
                given[1] = bad
                if optimizer is optimizers[1]:
                    given[:] = 0
            optimizer.apply([keras.ops.convert_to_tensor(given)], [variable])
        np.testing.assert_array_equal(*weights)
    assert int(optimizers[0].skipped) == 2


def test_averages_are_lent_and_the_weights_come_back():
    weight = keras.Variable(np.zeros(2, "float32"))
    optimizer = FiniteAdam(0.1, use_ema=True, ema_momentum=0.75)
    average, values = None, []
    for _ in range(4):
        optimizer.apply([keras.ops.convert_to_tensor(np.array([1, -1], "float32"))], [weight])
        values.append(np.array(weight))
        average = values[-1] if average is None else 0.75 * average + 0.25 * values[-1]
    optimizer.finalize_variable_values([weight])
    with optimizer.averages():
        np.testing.assert_allclose(weight, average, rtol=1e-6)
    np.testing.assert_array_equal(weight, values[-1])
    without = FiniteAdam(0.1)
    without.build([weight])
    with without.averages():
        np.testing.assert_array_equal(weight, values[-1])


@pytest.mark.parametrize("bad", [False, True])
def test_several_steps_make_one_update(bad):
    weights = [keras.Variable(np.ones(2, "float32")) for _ in range(2)]
    accumulating = FiniteAdam(0.1, gradient_accumulation_steps=2)
    single = keras.optimizers.Adam(0.1)
    gradients = np.array([[1, -3], [0.5, np.nan if bad else 1]], "float32")
    for gradient in gradients:
        np.testing.assert_array_equal(weights[0], np.ones(2))
        accumulating.apply([keras.ops.convert_to_tensor(gradient)], [weights[0]])
    gradients[1] *= not bad
    mean = np.nan_to_num(gradients).mean(axis=0)
    single.apply([keras.ops.convert_to_tensor(mean)], [weights[1]])
    np.testing.assert_allclose(*weights, rtol=1e-6)
    assert int(accumulating.skipped) == bad


def test_batches_without_a_finite_gradient_are_skipped_and_counted():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(FiniteAdam(0.1), "mse")
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    before = model.get_weights()[0]
    for bad in (np.nan, np.inf):
        model.train_on_batch(x * [1, bad], y)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    model.train_on_batch(x, y)
    assert np.isfinite(model.get_weights()[0]).all() and int(model.optimizer.skipped) == 2
    assert not np.array_equal(model.get_weights()[0], before)
