"""Model files: configuration, weights and integer entropy model in one .npz."""

import hashlib
import json

import numpy as np

from alic_tf import errors, files
from alic_tf.container import MODEL_ID_BYTES

FORMAT = 1
_CONFIGURATION = "configuration"
_WEIGHTS = "weights/"
_EXACT = "exact/"
_NO_MODEL_FILE = "is not a model file, or a damaged one"


def fingerprint(arrays):
    """Model id: the first 4 bytes of the SHA-256 of all arrays, their names and shapes."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.digest()[:MODEL_ID_BYTES]


def save(path, configuration, weights, exact):
    """Writes a model file at once.

    Args:
        path: of the file, ending in .npz.
        configuration: dictionary, the arguments of the model's class; other keys are notes.
        weights: list of float arrays in the order of the model's variables, stored as they are.
        exact: dictionary of integer arrays, of the `ExactEntropyModel`.
    """
    arrays = {f"{_WEIGHTS}{i:04d}": array for i, array in enumerate(weights)}
    arrays |= {f"{_EXACT}{name}": array for name, array in exact.items()}
    header = {**configuration, "format": FORMAT, "id": fingerprint(arrays).hex()}
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **{_CONFIGURATION: json.dumps(header)}, **arrays)


def _members(path, wanted):
    """Arrays of a model file, those whose names `wanted` accepts."""
    try:
        with open(path, "rb") as stream, np.load(stream) as file:
            return {name: file[name] for name in file.files if wanted(name)}
    # Damaged files raise errors of a dozen kinds, from zipfile, zlib and numpy.
    except Exception as error:
        raise errors.UnknownModel(_NO_MODEL_FILE, path) from error


def read_configuration(path):
    """The configuration of a model file, without its arrays; "id" is the model id in hex.

    Raises:
        UnknownModel: the file is missing, or no model file of this version.
    """
    members = _members(path, lambda name: name == _CONFIGURATION)
    try:
        configuration = json.loads(str(members[_CONFIGURATION]))
        later = configuration["format"] > FORMAT
    except (KeyError, TypeError, ValueError) as error:
        raise errors.UnknownModel(_NO_MODEL_FILE, path) from error
    if later:
        raise errors.UnknownModel("was written by a later version of this program", path)
    return configuration


def load(path):
    """(configuration, weights, exact arrays) of a model file; see `save`.

    Raises:
        UnknownModel: as `read_configuration`, or the arrays have changed since they were saved.
    """
    configuration = read_configuration(path)
    arrays = _members(path, lambda name: name != _CONFIGURATION)
    if fingerprint(arrays).hex() != configuration.get("id"):
        raise errors.UnknownModel("is damaged: its arrays do not give its id", path)
    weights = [arrays[name] for name in sorted(arrays) if name.startswith(_WEIGHTS)]
    exact = {
        name.removeprefix(_EXACT): array
        for name, array in arrays.items()
        if name.startswith(_EXACT)
    }
    return configuration, weights, exact
