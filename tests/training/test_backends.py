import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import alic_tf
from alic_tf.training import run
from alic_tf.training.folder import RunFolder
from alic_tf.training.settings import Settings
from tests.training import backend_step, tiny

# An interpreter that has JAX, where this one does not.
JAX_PYTHON = os.environ.get("JAX_PYTHON") or sys.executable


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """(what was written on JAX, what it was given, folder of its run)."""
    if sys.executable == JAX_PYTHON and importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed; JAX_PYTHON may name an interpreter that has it")
    here, folder = backend_step.steps(), tmp_path_factory.mktemp("jax")
    np.savez(folder / "here.npz", **here)
    arguments = [folder / "here.npz", folder / "there.npz",
                 tiny.write_photographs(folder / "data"), folder / "run"]
    subprocess.run(
        [JAX_PYTHON, "-m", "tests.training.backend_step", *map(str, arguments)],
        env=os.environ | {"KERAS_BACKEND": "jax"}, cwd=Path(__file__).parents[2], check=True,
    )  # fmt: skip
    with np.load(folder / "there.npz") as file:
        return dict(file), here, RunFolder(folder / "run")


def test_loss_and_gradients_are_equal_on_jax(there):
    there, here, _ = there
    assert set(here) < set(there)
    errors = {}
    for model in backend_step.MODELS:
        gradients = {name: here[name] for name in here if name.startswith(f"{model}/gradient")}
        # A gradient that is zero but for rounding is measured by what is typical of the model.
        typical = 1e-3 * np.median([np.abs(gradient).max() for gradient in gradients.values()])
        assert typical > 0
        for name, gradient in gradients.items():
            scale = max(np.abs(gradient).max(), typical)
            errors[name] = np.abs(gradient - there[name]).max() / scale
        name = f"{model}/loss"
        errors[name] = abs(there[name] / here[name] - 1)
    worst = max(errors, key=errors.get)
    assert errors[worst] < 1e-4, worst


def test_a_run_on_jax_goes_on_as_a_tensorflow_codec(there, tmp_path):
    expected, _, folder = there
    assert expected["crops"]  # cut on the device, equal those of `CropSampler`
    settings = Settings.stored(folder)
    model = run.train(folder, settings, resume=True).model
    actual = backend_step.outputs(model, expected["latent_hat"], expected["z_hat"])
    for name, value in actual.items():
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(value, expected[name], atol=1e-4 * scale, err_msg=name)

    run.train(folder, settings, resume=True, export=tmp_path / "tiny", best=True)
    codec, photograph = alic_tf.load(tmp_path / "tiny"), tiny.photographs()[0]
    data, latents = codec.encode_with_latents(photograph, 2)
    for name, latent in codec.latents(data).items():
        np.testing.assert_array_equal(latent, latents[name])
    error = codec.decode(data).astype("float64") - photograph
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 20
