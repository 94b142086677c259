"""Checkpoints: all variables of a training, by their order, and a small state."""

import json

import keras
import numpy as np

from alic_tf import errors, files, npz

_STATE = "state"


def save_checkpoint(path, variables, state):
    """Writes variables (in order) and a JSON-able state to one .npz, replacing it at once."""
    arrays = {f"v{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(variables)}
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{_STATE: json.dumps(state)}, **arrays)


def load_checkpoint(path, variables):
    """Restores what `save_checkpoint` wrote into the same variables; returns the state.

    Raises:
        AlicError: the file is damaged, or of a model with other variables.
    """
    shapes = {f"v{i}": tuple(variable.shape) for i, variable in enumerate(variables)}
    try:
        state = npz.read_json(path, _STATE)
        found = npz.declared(path, lambda name: name != _STATE)
        same = {name: array.shape for name, array in found.items()} == shapes
        arrays = npz.read(path, shapes if same else ())
    except ValueError as error:
        raise errors.AlicError("is not a checkpoint, or is damaged", path) from error
    if not same:
        raise errors.AlicError("is a checkpoint of another model", path)
    for variable, array in zip(variables, arrays.values()):
        variable.assign(array)
    return state
