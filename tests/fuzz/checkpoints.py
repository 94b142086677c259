"""Checkpoints that no training saved: mutations of their arrays and of their state."""

import json
import math
import tempfile
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np

from alic_tf import errors
from alic_tf.training.checkpoint import save_checkpoint
from alic_tf.training.folder import RunFolder
from alic_tf.training.schedule import Schedule
from alic_tf.training.trainer import Checkpoint
from tests.fuzz import archives, objects
from tests.fuzz.streams import damaged


class Target:
    """Checkpoints: each is restored, or ends in an error that names it."""

    ending, success = ".npz", "restored"

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory()
        self._folder = RunFolder(Path(self._temporary.name))
        variables = [keras.Variable(np.ones(shape, kind), dtype=kind) for shape, kind in (
            ((3, 4), "float32"), ((), "int32"), ((2,), "uint32"))]
        self._model = SimpleNamespace(variables=variables, optimizer=SimpleNamespace(variables=[]))
        self._state = {"step": 5, "seconds": 1.5, "cpu_seconds": 2.0, "best": math.inf}
        save_checkpoint(self._folder.checkpoint, variables, self._state)
        self.good = [self._folder.checkpoint.read_bytes()]
        with np.load(self._folder.checkpoint) as file:
            self._arrays = dict(file)

    def mutant(self, rng):
        arrays = dict(self._arrays)
        style = rng.integers(5)
        if style == 0:
            return damaged(self.good[0], self.good, rng)
        if style == 1:
            arrays = archives.arrays_mutated(arrays, rng)
        if style == 2:
            arrays["state"] = np.array(json.dumps(objects.mutated(self._state, rng)))
        members = [(name, archives.npy(array)) for name, array in arrays.items()]
        if style == 3:
            members = archives.members_mutated(members, rng)
        data = archives.pack(members)
        return archives.directory_mutated(data, rng) if style == 4 else data

    def outcome(self, data):
        self._folder.checkpoint.write_bytes(data)
        try:
            done = self._folder.done()
            schedule = Schedule(1e-3, 10, None)
            Checkpoint(self._folder.checkpoint, None, schedule).restore(self._model)
        except errors.AlicError as error:
            assert str(error).startswith(f"{self._folder.path}") and "\n" not in str(error)
            return type(error).__name__
        assert schedule.step == done["step"] and 0 <= schedule.progress <= 1
        return "restored"
