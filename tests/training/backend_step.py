"""Loss and gradients of one batch on the backend that KERAS_BACKEND names, for comparison.

    KERAS_BACKEND=jax python -m tests.training.backend_step weights.npz step.npz
"""

import sys

import keras
import numpy as np

from alic_tf import zoo
from alic_tf.training.losses import RateDistortion
from tests import tiny_models
from tests.training import tiny

MODELS = {"dwan": tiny_models.tiny_dwan}


def step(model):
    """(loss, list of gradients) of a codec model with rounding, that is, without noise."""
    training_model = RateDistortion(model, model.lambdas)
    training_model.hard = True
    crops = np.stack([photograph[:64, :64] for photograph in tiny.photographs(2)])
    data = crops, np.linspace(1, model.qualities, 2).astype("float32")
    if keras.backend.backend() == "jax":
        import jax

        def loss(trainable, others):
            outputs, _ = training_model.stateless_call(trainable, others, data, training=True)
            return training_model.compute_loss(y_pred=outputs)

        values = [[v.value for v in variables] for variables in (
            training_model.trainable_variables, training_model.non_trainable_variables)]
        return jax.jit(jax.value_and_grad(loss))(*values)

    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = training_model.compute_loss(y_pred=training_model(data, training=True))
    variables = [v.value for v in training_model.trainable_variables]
    return loss, tape.gradient(loss, variables, unconnected_gradients="zero")


def steps(weights=None):
    """Weights (those given, or random ones), losses and gradients of all models, as arrays."""
    arrays = {}
    for name, make in MODELS.items():
        model = make()
        for i, variable in enumerate(zoo.stored_variables(model)):
            if weights is not None:
                variable.assign(weights[f"{name}/weight {i}"])
            arrays[f"{name}/weight {i}"] = keras.ops.convert_to_numpy(variable)
        loss, gradients = step(model)
        arrays[f"{name}/loss"] = keras.ops.convert_to_numpy(loss)
        for i, gradient in enumerate(gradients):
            arrays[f"{name}/gradient {i}"] = keras.ops.convert_to_numpy(gradient)
    return arrays


if __name__ == "__main__":
    np.savez(sys.argv[2], **steps(np.load(sys.argv[1])))
