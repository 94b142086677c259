"""Model files that nobody exported: mutations of their configuration and of their arrays."""

import gc
import json
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from alic_tf import errors, storage, zoo
from tests.fuzz import archives, objects
from tests.fuzz.streams import damaged

IMAGE = np.arange(16 * 20 * 3, dtype="uint8").reshape(16, 20, 3)


class Target:
    """Model files: each ends in a codec that codes, or in an error that names the file.

    Args:
        models: `CompressionModel`s to begin with.
    """

    ending, success = ".npz", "codec"

    def __init__(self, models):
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name, zoo.MODEL_FILE)
        self.good = []
        for model in models:
            zoo.export(model, "tiny", self._path)
            self.good.append(self._path.read_bytes())
        self._parts = []
        for data in self.good:
            self._path.write_bytes(data)
            with np.load(self._path) as file:
                arrays = dict(file)
            self._parts.append((json.loads(str(arrays.pop("configuration"))), arrays))

    def mutant(self, rng):
        configuration, arrays = self._parts[rng.integers(len(self._parts))]
        style = rng.choice(5, p=[0.1, 0.35, 0.35, 0.15, 0.05])
        if style == 0:
            return damaged(self.good[rng.integers(len(self.good))], self.good, rng)
        if style == 2:
            arrays = archives.arrays_mutated(arrays, rng)
            configuration = {**configuration, "id": storage.fingerprint(arrays).hex()}
        if style == 1:
            configuration = objects.mutated(configuration, rng)
        text = np.array(json.dumps(configuration))
        members = [(name, archives.npy(array)) for name, array in
                   {"configuration": text, **arrays}.items()]
        if style == 3:
            members = archives.members_mutated(members, rng)
        data = archives.pack(members)
        return archives.directory_mutated(data, rng) if style == 4 else data

    def outcome(self, data):
        gc.collect()  # Models hold themselves, and Python has no hurry with such.
        self._path.write_bytes(data)
        try:
            codec = zoo.load(self._path)
        except errors.AlicError as error:
            assert str(error).startswith(f"{self._path}: ") and "\n" not in str(error)
            return type(error).__name__
        tf.config.run_functions_eagerly(True)  # Graphs take longer to make than all the rest.
        try:
            array = codec.decode(codec.encode(IMAGE))
        except errors.AlicError as error:
            return f"codec with {type(error).__name__}"
        finally:
            tf.config.run_functions_eagerly(False)
        assert array.shape == IMAGE.shape
        return "codec"
