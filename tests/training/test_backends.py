import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training import backend_step

# An interpreter that has JAX, where this one does not.
JAX_PYTHON = os.environ.get("JAX_PYTHON") or sys.executable


@pytest.mark.skipif(
    sys.executable == JAX_PYTHON and importlib.util.find_spec("jax") is None,
    reason="jax is not installed; JAX_PYTHON may name an interpreter that has it",
)
def test_loss_and_gradients_are_equal_on_jax(tmp_path):
    here, weights, file = backend_step.steps(), tmp_path / "here.npz", tmp_path / "there.npz"
    np.savez(weights, **here)
    subprocess.run(
        [JAX_PYTHON, "-m", "tests.training.backend_step", str(weights), str(file)],
        env=os.environ | {"KERAS_BACKEND": "jax"}, cwd=Path(__file__).parents[2], check=True,
    )  # fmt: skip
    there = np.load(file)
    assert sorted(here) == sorted(there.files)
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
