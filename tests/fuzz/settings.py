"""Settings of trainings that nobody gave: mutations of config.json, of runs and for --config."""

import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from unittest import mock

from alic_tf import errors
from alic_tf.command import train
from alic_tf.training import run
from alic_tf.training.configuration import configuration, make_model
from alic_tf.training.folder import RunFolder
from tests.fuzz import objects
from tests.fuzz.streams import damaged
from tests.training import tiny


class Target:
    """Settings: each ends where the training would begin, or in an error.

    They are tried as those of a new run and as those of a run to resume.
    """

    ending, success = ".json", "begun; begun"

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory()
        self._old = RunFolder(Path(self._temporary.name, "old"))
        self._old.path.mkdir()
        settings = replace(tiny.SETTINGS, set={}, data=self._temporary.name,
                           configuration=configuration("dwan", tiny.PACKET))
        self._settings = asdict(settings)
        self.good = [json.dumps(self._settings).encode()]

    def mutant(self, rng):
        if rng.random() < 0.15:
            return damaged(self.good[0], self.good, rng)
        return json.dumps(objects.mutated(self._settings, rng)).encode()

    def outcome(self, data):
        self._old.settings_file.write_bytes(data)
        new = ["--config", str(self._old.settings_file), "--out", f"{self._temporary.name}/new"]
        return "; ".join(map(self._tried, (new, ["--resume", "--out", str(self._old.path)])))

    def _tried(self, arguments):
        try:
            with mock.patch.object(run, "train", _begin):
                train.run(["train_tf.py", *arguments])
        except errors.AlicError as error:
            assert "\n" not in str(error)
            return type(error).__name__
        return "begun"


def _begin(folder, settings, *_, **__):
    """What `run.train` does before it reads photographs."""
    make_model(settings.configuration or configuration(
        settings.model, settings.set, settings.start, settings.metric))
