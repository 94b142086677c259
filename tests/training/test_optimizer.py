import keras
import numpy as np
import pytest

from alic_tf.training.optimizer import UPDATE_SIZE, FiniteAdam, FiniteMuon, orthogonalized


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
        values.append(np.asarray(weight).copy())
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


@pytest.mark.parametrize("shape", [(288, 32), (16, 64), (48, 48)])
def test_orthogonalized_matrices_are_those_of_the_published_iteration(shape):
    """In float64, on the rectangular matrix itself."""
    matrix = np.random.default_rng(1).normal(size=shape) * np.geomspace(1, 1e-3, shape[1])
    x = matrix / np.linalg.norm(matrix)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    ours = orthogonalized(keras.ops.convert_to_tensor(matrix.astype("float32")))
    np.testing.assert_allclose(ours, x, atol=1e-5)


def test_muon_moves_kernels_by_orthogonal_steps_and_everything_else_by_adam():
    rng = np.random.default_rng(2)
    shapes = {"stage/kernel": (3, 3, 4, 16), "depthwise/kernel": (5, 5, 32, 1),
              "stage/bias": (16,), "gdn/gamma": (16, 16), "linear/kernel": (1, 1, 32, 16)}
    start = {path: rng.normal(size=shape).astype("float32") for path, shape in shapes.items()}
    gradients = [{path: rng.normal(size=shape).astype("float32") for path, shape in shapes.items()}
                 for _ in range(3)]
    reached = {}
    for optimizer in (FiniteAdam(0.01), FiniteMuon(0.01)):
        variables = {}
        for path, value in start.items():
            layer, name = path.split("/")
            with keras.name_scope(layer):
                variables[path] = keras.Variable(value, name=name)
        for gradient in gradients:
            given = [keras.ops.convert_to_tensor(gradient[path]) for path in variables]
            optimizer.apply(given, list(variables.values()))
        reached[type(optimizer)] = {path: np.asarray(v).copy() for path, v in variables.items()}
    adam, muon = reached.values()
    differ = [path for path in shapes if (adam[path] != muon[path]).any()]
    assert differ == ["stage/kernel", "linear/kernel"]
    steps = [each["linear/kernel"] - start["linear/kernel"] for each in (adam, muon)]
    np.testing.assert_allclose(steps[1], steps[0] / 10, rtol=1e-3, atol=1e-6)
    momentum, expected = 0.0, start["stage/kernel"].astype("float64")
    for gradient in gradients:
        momentum = 0.95 * momentum + gradient["stage/kernel"]
        matrix = (gradient["stage/kernel"] + 0.95 * momentum).reshape(36, 16)
        update = np.asarray(orthogonalized(keras.ops.convert_to_tensor(matrix)))
        expected = expected - 0.01 * UPDATE_SIZE * 6 * update.reshape(3, 3, 4, 16)
    np.testing.assert_allclose(muon["stage/kernel"], expected, atol=1e-5)
