"""Reference numbers computed by the original programs, and how they get into our layers."""

import os
import pathlib

import numpy as np
import pytest

from alic_tf.original import tf1_scopes

DATA = pathlib.Path(__file__).parent / "data"
# Files too large for the repository.
_BESIDE = pathlib.Path(__file__).parents[2] / "shared" / "golden"
LARGE = pathlib.Path(os.environ.get("ALIC_GOLDEN", _BESIDE))


def load(name):
    """The arrays of tests/data/<name>.npz as a dictionary."""
    with np.load(DATA / f"{name}.npz") as data:
        return {key: data[key] for key in data.files}


def load_large(name):
    """As `load`, of a file in the folder that ALIC_GOLDEN names, or beside the checkout.

    Skips the test where it is not.
    """
    path = LARGE / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here: set ALIC_GOLDEN to its folder")
    with np.load(path) as data:
        return {key: data[key] for key in data.files}


def relative_error(actual, expected):
    """Largest difference, relative to the largest expected magnitude."""
    actual, expected = np.asarray(actual, "float64"), np.asarray(expected, "float64")
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()


class Weights(tf1_scopes.Weights):
    """Hands the authors' effective weights, stored under "eff/", to our layers."""

    def __init__(self, data, prefix="eff/"):
        super().__init__({k[len(prefix) :]: v for k, v in data.items() if k.startswith(prefix)})

    def take(self, name, shape):
        array = super().take(name, shape)
        assert not self.missing and not self.misshapen
        return array
