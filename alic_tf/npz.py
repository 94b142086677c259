"""Archives of arrays (.npz) from anywhere, which say what they hold before they are inflated."""

import json
import math
import zipfile
from typing import NamedTuple

import numpy as np

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0}
# Booleans, integers, floats and text; of Python's objects only their own code knows the size.
_KINDS = "biufU"


class Declared(NamedTuple):
    """What an archive says of one of its arrays."""

    shape: tuple
    dtype: np.dtype

    @property
    def size(self):
        """In bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def declared(path, wanted=lambda name: True):
    """{name: `Declared`} of the arrays whose names are wanted; only their headers are inflated.

    Raises:
        ValueError: the file is no archive, or holds else than numbers and text, or an array twice,
            or of another size than it says.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [(member.filename.removesuffix(".npy"), member)
                       for member in archive.infolist()]
            found = {name: _header(archive, member) for name, member in members if wanted(name)}
            if len(found) < sum(wanted(name) for name, _ in members):
                raise ValueError("two arrays of one name")
            return found
    # Damaged files raise errors of a dozen kinds, from zipfile, zlib and numpy.
    except Exception as error:
        raise ValueError(f"no archive of arrays: {error}") from error


def _header(archive, member):
    with archive.open(member) as stream:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
        array = Declared(shape, dtype)
        if dtype.kind not in _KINDS or stream.tell() + array.size != member.file_size:
            raise ValueError(f"{member.filename} is not what the archive says")
    return array


def read(path, names):
    """{name: array} of some arrays of an archive.

    Raises:
        ValueError: the file is no archive, or damaged, or an array is not there.
    """
    try:
        with open(path, "rb") as stream, np.load(stream) as file:
            return {name: file[name] for name in names}
    except Exception as error:  # as in `declared`
        raise ValueError(f"no archive of arrays: {error}") from error


def read_json(path, name, most=2**22):
    """The object of JSON in an array of text.

    Raises:
        ValueError: as `read`, or it is of another kind, or takes more than so many bytes.
    """
    array = declared(path, name.__eq__).get(name)
    if array is None or array.size > most:
        raise ValueError(f"no {name}, or too long")
    try:
        found = json.loads(str(read(path, [name])[name]))
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError(f"{name} is not an object")
    return found
