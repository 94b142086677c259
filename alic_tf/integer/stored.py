"""Integers of a model by name, as its file holds them."""

from typing import NamedTuple

import numpy as np


class Fixed(NamedTuple):
    """A whole number, or a list of them, that follows from the configuration of a model."""

    value: object


class Declared(NamedTuple):
    """What is known of an array of integers before the file is read.

    Fields:
        shape: None stands for any length of a side.
        dtype: of the array.
        value: what it must hold, or None where that is free.
        slack: by how much it may differ from the value.
    """

    shape: tuple
    dtype: str
    value: object = None
    slack: int = 0

    def fits(self, array):
        """Whether an array, or what an archive says of it, has this shape and type."""
        sides = zip(self.shape, array.shape, strict=False)
        return (array.dtype == self.dtype and len(array.shape) == len(self.shape)
                and all(expected in (None, side) for expected, side in sides))

    def allows(self, array):
        """Whether an array of integers is one of those declared."""
        if not self.fits(array):
            return False
        distance = 0 if self.value is None else np.abs(array.astype("int64") - self.value)
        return np.all(distance <= self.slack)


class Stored:
    """A part of an integer model: integers that a model file holds as arrays.

    Attributes:
        FIELDS: type in the file of each integer or array of integers, by the name of the argument
            of the constructor, which is also that of the attribute.
    """

    FIELDS = {}

    def arrays(self):
        """What the constructor takes, as integer arrays by name."""
        return {name: np.asarray(getattr(self, name), dtype)
                for name, dtype in self.FIELDS.items()}

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`.

        Raises:
            TypeError, ValueError: these are not the arrays of such a part.
        """
        return cls(**arrays)


def unflatten(arrays):
    """Nested dictionaries of arrays by name, of arrays by "part/.../name"."""
    tree = {}
    for path, array in arrays.items():
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = array
    return tree


def numbered(parts, name):
    """The parts name_0, name_1, ... of a dictionary, a list in the order of their numbers."""
    count = sum(part.startswith(f"{name}_") for part in parts)
    return [parts[f"{name}_{i}"] for i in range(count)]
