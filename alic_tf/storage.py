"""Model files: configuration, weights and integer entropy model in one .npz."""

import hashlib
import json
import math

import numpy as np

from alic_tf import errors, files, npz
from alic_tf.bitstream.container import MODEL_ID_BYTES

FORMAT = 1
_CONFIGURATION = "configuration"
_WEIGHTS = "weights/"
_EXACT = "exact/"
_NO_MODEL_FILE = "is not a model file, or a damaged one"
# Keys that every configuration has, with the types of their values.
_REQUIRED = {"format": int, "id": str, "name": str, "transform": dict, "entropy": dict,
             "lambdas": list}
# Bytes of the integers in a file: those of tables, and by weight of those of the layers.
MAX_EXACT = 2**24
MAX_EXACT_PER_WEIGHT = 4


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


def read_configuration(path):
    """The configuration of a model file, without its arrays; "id" is the model id in hex.

    Raises:
        UnknownModel: the file is missing, or no model file of this version.
    """
    try:
        configuration = npz.read_json(path, _CONFIGURATION)
        later = configuration["format"] > FORMAT
    except (KeyError, TypeError, ValueError) as error:
        raise errors.UnknownModel(_NO_MODEL_FILE, path) from error
    if later:
        raise errors.UnknownModel("was written by a later version of this program", path)
    for key, kind in _REQUIRED.items():
        if not isinstance(configuration.get(key), kind):
            raise errors.UnknownModel(f"{_NO_MODEL_FILE}: it does not say its {key}", path)
    return configuration


def load(path, shapes=None):
    """(configuration, weights, exact arrays) of a model file; see `save`.

    Args:
        path: of the file.
        shapes: those that the weights must have, in order; then nothing is inflated of a file
            whose arrays are others, or are more than weights of these shapes account for.

    Raises:
        UnknownModel: as `read_configuration`; the arrays have changed since they were saved, are
            not those of the shapes, or hold what is no number.
    """
    configuration = read_configuration(path)
    try:
        arrays = npz.declared(path)
        arrays.pop(_CONFIGURATION)
        _check_declared(arrays, shapes)
        arrays = npz.read(path, arrays)
    except ValueError as error:
        raise errors.UnknownModel(_NO_MODEL_FILE, path) from error
    if fingerprint(arrays).hex() != configuration["id"]:
        raise errors.UnknownModel("is damaged: its arrays do not give its id", path)
    weights = [arrays[name] for name in sorted(arrays) if name.startswith(_WEIGHTS)]
    if not all((np.abs(array) <= np.finfo("float32").max).all() for array in weights):
        raise errors.UnknownModel("has weights that are no numbers", path)
    exact = {
        name.removeprefix(_EXACT): array
        for name, array in arrays.items()
        if name.startswith(_EXACT)
    }
    return configuration, weights, exact


def _check_declared(arrays, shapes):
    """Raises ValueError unless weights, of these shapes if there are any, explain the arrays."""
    weights = [arrays[name] for name in sorted(arrays) if name.startswith(_WEIGHTS)]
    others = [array for name, array in arrays.items() if not name.startswith(_WEIGHTS)]
    kinds = {array.dtype.kind for array in weights}, {array.dtype.kind for array in others}
    if not (kinds[0] <= {"f"} and kinds[1] <= {"i"}):
        raise ValueError("weights are floats, and other arrays are integers")
    if shapes is None:
        return
    most = MAX_EXACT + MAX_EXACT_PER_WEIGHT * sum(map(math.prod, shapes))
    if [array.shape for array in weights] != shapes or sum(x.size for x in others) > most:
        raise ValueError("other arrays than the configuration says")
