"""Model files: configuration, weights and integer entropy model in one .npz."""

import hashlib
import json

import numpy as np

from alic_tf import errors, files, npz
from alic_tf.bitstream.container import MODEL_ID_BYTES

# In files of format 1, the names of weights are their places among the variables, "0000" and so on.
FORMAT = 2
_CONFIGURATION = "configuration"
_WEIGHTS = "weights/"
_EXACT = "exact/"
_NO_MODEL_FILE = "is not a model file, or a damaged one"
# Keys that every configuration has, with the types of their values.
_REQUIRED = {"format": int, "id": str, "name": str, "transform": dict, "entropy": dict,
             "lambdas": list}
NO_MODEL = "holds no model that this program can build"
# Bytes of all integers in a file whose shapes the configuration leaves open.
MAX_OPEN = 2**24


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
        weights: {name: float array} of the model's variables, stored as they are.
        exact: {name: integer array} of the `ExactEntropyModel`.
    """
    arrays = {f"{_WEIGHTS}{name}": array for name, array in weights.items()}
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


def load(path, shapes=None, declared=None):
    """(configuration, weights, exact arrays) of a model file, the arrays by name; see `save`.

    Args:
        path: of the file.
        shapes: {name: shape} that the weights must have, in the order of the model's variables.
        declared: {name: `Declared`} of the exact arrays. Nothing is inflated of a file whose
            arrays are others than these and the shapes say.

    Raises:
        UnknownModel: as `read_configuration`; the arrays have changed since they were saved, are
            not those expected, or hold what is no number.
    """
    configuration = read_configuration(path)
    try:
        arrays = npz.declared(path)
        arrays.pop(_CONFIGURATION)
        weights, exact = _checked(arrays, shapes, configuration["format"])
    except ValueError as error:
        raise errors.UnknownModel(_NO_MODEL_FILE, path) from error
    if declared is not None and not _are_declared(exact, declared):
        raise errors.UnknownModel(NO_MODEL, path)
    try:
        arrays = npz.read(path, arrays)
    except ValueError as error:
        raise errors.UnknownModel(_NO_MODEL_FILE, path) from error
    if fingerprint(arrays).hex() != configuration["id"]:
        raise errors.UnknownModel("is damaged: its arrays do not give its id", path)
    weights = {name: arrays[stored] for name, stored in weights.items()}
    exact = {name: arrays[_EXACT + name] for name in exact}
    if not all((np.abs(array) <= np.finfo("float32").max).all() for array in weights.values()):
        raise errors.UnknownModel("has weights that are no numbers", path)
    return configuration, weights, exact


def _checked(arrays, shapes, form):
    """({name: name in the file} of the weights, {name: what the archive says} of exact arrays).

    Args:
        arrays: {name: `npz.Declared`}.
        shapes: see `load`.
        form: format of the file.

    Raises:
        ValueError: the weights are no floats or not of these shapes, or the others no integers, or
            there are still others.
    """
    stored = sorted(name for name in arrays if name.startswith(_WEIGHTS))
    exact = {name.removeprefix(_EXACT): array for name, array in arrays.items()
             if name.startswith(_EXACT)}
    if len(stored) + len(exact) < len(arrays):
        raise ValueError("there are arrays of other names")
    if {arrays[name].dtype.kind for name in stored} - {"f"} or {
            array.dtype.kind for array in exact.values()} - {"i"}:
        raise ValueError("weights are floats, and other arrays are integers")
    names = [name.removeprefix(_WEIGHTS) for name in stored]
    if shapes is not None and form == 1:
        names = list(shapes)
    weights = dict(zip(names, stored, strict=True))
    if shapes is not None and {name: arrays[x].shape for name, x in weights.items()} != shapes:
        raise ValueError("the weights are others than the configuration says")
    return weights, exact


def _are_declared(exact, declared):
    """Whether the arrays that an archive has are those declared, and of bounded size."""
    if exact.keys() != declared.keys():
        return False
    opened = sum(exact[name].size for name, array in declared.items() if None in array.shape)
    return opened <= MAX_OPEN and all(array.fits(exact[name]) for name, array in declared.items())
