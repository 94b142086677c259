import keras
import numpy as np

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
