"""Archives of arrays (.npz) that nobody saved: mutations of arrays, and of how they are packed."""

import io
import struct
import warnings
import zipfile

import numpy as np

LARGE = 2**26  # bytes of zeros that are packed into some kilobytes
NUMBERS = (0, 1, -1, 2, 16, 65536, 2**15, 2**31 - 1, -(2**31), 2**62)
SHAPES = ((), (0,), (1,), (2**20, 2**20), (2**40,), (2**62, 4), (3, 5, 7))


def npy(array):
    """The bytes of an .npy file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def pack(members):
    """The bytes of an archive of (name, bytes), names as often as they come."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, data in members:
            archive.writestr(f"{name}.npy", data)
    return stream.getvalue()


def arrays_mutated(arrays, rng):
    """A copy of a dictionary of arrays, in which one of numbers is missing, more, or another."""
    arrays = dict(arrays)
    names = sorted(name for name, array in arrays.items() if array.dtype.kind != "U")
    name, other = (names[i] for i in rng.integers(len(names), size=2))
    array = arrays[name]
    integers = array.dtype.kind in "iu"
    kind = rng.integers(8)
    if kind == 0:
        del arrays[name]
    elif kind == 1:
        arrays[name + "x"] = array
    elif kind == 2:
        arrays[name] = arrays[other]
    elif kind == 3:
        arrays[name] = array.astype(["int8", "int64", "uint8", "float64", "bool"][rng.integers(5)])
    elif kind == 4:
        arrays[name] = [array[None], array.reshape(-1), array.T, array[:1] if array.ndim else
                        np.tile(array, 2)][rng.integers(4)]
    elif kind == 5:
        changed = array.copy().reshape(-1)
        values = NUMBERS if integers else (np.nan, np.inf, -np.inf, 65504, -1, 0)
        value = values[rng.integers(len(values))]
        if changed.size:
            value = int(np.clip(value, *_range(array.dtype))) if integers else value
            changed[rng.integers(changed.size) if rng.random() < 0.7 else slice(None)] = value
        arrays[name] = changed.reshape(array.shape)
    elif kind == 6:
        arrays[name] = rng.permutation(array.reshape(-1)).reshape(array.shape)
    else:
        arrays[name] = np.zeros(LARGE // array.dtype.itemsize, array.dtype)
    return arrays


def members_mutated(members, rng):
    """A copy of a list of members, of which one is not what it seems."""
    members = list(members)
    i = rng.integers(len(members))
    name, data = members[i]
    kind = rng.integers(6)
    if kind == 0:
        members.append((name, members[rng.integers(len(members))][1]))
    elif kind == 1:
        members[i] = name, npy(np.array([{"an": "object"}, None], object))
    elif kind == 2:
        header = io.BytesIO()
        shape = SHAPES[rng.integers(len(SHAPES))]
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": shape})
        members[i] = name, header.getvalue() + data[-64:]
    elif kind == 3:
        members[i] = name, data[:rng.integers(len(data))]
    elif kind == 4:
        members[i] = name, rng.bytes(rng.integers(200))
    else:
        members.insert(i, (["", "../x", "configuration", "x" * 1000][rng.integers(4)], data))
    return members


def directory_mutated(data, rng):
    """An archive whose directory lies about a size, a place or a method of its members."""
    data = bytearray(data)
    starts = [i for i in range(len(data) - 46) if data[i:i + 4] == b"PK\x01\x02"]
    start = starts[rng.integers(len(starts))]
    offset, form = ((10, "<H"), (8, "<H"), (20, "<I"), (24, "<I"), (42, "<I"))[rng.integers(5)]
    number = int(rng.choice([0, 1, 8, 9, 99, 65535, 2**31, 2**32 - 1]))
    struct.pack_into(form, data, start + offset, number & (2 ** (8 * struct.calcsize(form)) - 1))
    return bytes(data)


def _range(dtype):
    limits = np.iinfo(dtype)
    return limits.min, limits.max
