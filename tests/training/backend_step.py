"""What another backend makes of the same weights and pictures, for comparison.

    KERAS_BACKEND=jax python -m tests.training.backend_step weights.npz step.npz data/ run/

writes loss and gradients of one batch; then trains on data/ into run/ and writes what the trained
model makes of a picture.
"""

import sys
from dataclasses import replace

import keras
import numpy as np

from alic_tf.networks.variables import named_variables
from alic_tf.training import run
from alic_tf.training.data import CropSampler
from alic_tf.training.folder import RunFolder
from alic_tf.training.losses import RateDistortion
from tests import tiny_models
from tests.training import tiny

MODELS = {
    "dwan": tiny_models.tiny_dwan, "resgdn": tiny_models.tiny_resgdn, "qae": tiny_models.tiny_qae,
}  # fmt: skip


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
        for i, variable in enumerate(named_variables(model).values()):
            if weights is not None:
                variable.assign(weights[f"{name}/weight {i}"])
            arrays[f"{name}/weight {i}"] = keras.ops.convert_to_numpy(variable)
        loss, gradients = step(model)
        arrays[f"{name}/loss"] = keras.ops.convert_to_numpy(loss)
        for i, gradient in enumerate(gradients):
            arrays[f"{name}/gradient {i}"] = keras.ops.convert_to_numpy(gradient)
    return arrays


def outputs(model, latent_hat=None, z_hat=None):
    """What a codec model makes of a picture, or of these rounded latents, as arrays."""
    quality = np.array([1.5], "float32")
    latent, z = model.analyze(tiny.photographs(1)[0][None, :64, :64] / np.float32(255), quality)
    latent_hat = keras.ops.round(latent) if latent_hat is None else latent_hat
    z_hat = keras.ops.round(z) if z_hat is None else z_hat
    values = {
        "latent": latent, "z": z, "latent_hat": latent_hat, "z_hat": z_hat,
        "image": model.synthesize(latent_hat, quality),
        "bits": model.estimate(latent_hat, z_hat, quality),
    }  # fmt: skip
    return {name: keras.ops.convert_to_numpy(value) for name, value in values.items()}


def trained(data, folder):
    """What a model makes after three steps, and whether its crops were those of `CropSampler`."""
    from alic_tf.training.resident import resident

    settings = replace(tiny.SETTINGS, data=data, validation=data, ema=0.5)
    model = run.train(RunFolder(folder), settings).model
    sampler = CropSampler(tiny.photographs(), 64, 5, 8, seed=3)
    there = resident(sampler)
    assert there is not sampler
    equal = [np.array_equal(*pair) for i in range(20) for pair in zip(sampler(i), there(i))]
    return {**outputs(model), "crops": all(equal)}


if __name__ == "__main__":
    weights, file, data, folder = sys.argv[1:]
    np.savez(file, **steps(np.load(weights)), **trained(data, folder))
