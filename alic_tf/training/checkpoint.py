"""Checkpoints: all variables of a training, by their order, and a small state."""

import json
import zipfile

import keras
import numpy as np

from alic_tf import errors, files

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
    try:
        with open(path, "rb") as data, np.load(data) as file:
            arrays = [file[f"v{i}"] for i in range(len(file.files) - 1)]
            state = json.loads(str(file[_STATE]))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise errors.AlicError("is not a checkpoint, or is damaged", path) from error
    if [array.shape for array in arrays] != [tuple(v.shape) for v in variables]:
        raise errors.AlicError("is a checkpoint of another model", path)
    for variable, array in zip(variables, arrays):
        variable.assign(array)
    return state
