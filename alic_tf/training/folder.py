"""The folder of a training run: its settings, log, history and checkpoints."""

import dataclasses
import json
import shutil
from pathlib import Path

from alic_tf import errors, files


class RunFolder:
    """Files of a run. Importing this module is cheap: refusals come before Keras is imported.

    Attributes:
        settings_file: config.json, all that the run depends on, written at its start.
        log: log.txt, the lines of the console with their times.
        history: history.jsonl, a JSON row of progress or validation per line.
        events: tensorboard/, what TensorBoard shows.
        checkpoint: last.npz, what `--resume` continues from.
        best: best.npz, the same where the validation was best.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.settings_file = self.path / "config.json"
        self.log = self.path / "log.txt"
        self.history = self.path / "history.jsonl"
        self.events = self.path / "tensorboard"
        self.checkpoint = self.path / "last.npz"
        self.best = self.path / "best.npz"

    def check_start(self, overwrite):
        """Raises UsageError if a run may not start here."""
        if self.path.exists() and not self.path.is_dir():
            raise errors.UsageError("is not a folder", self.path)
        if not overwrite and (self.settings_file.exists() or self.checkpoint.exists()):
            hint = "holds a run; give --resume to continue it or --overwrite to replace it"
            raise errors.UsageError(hint, self.path)
        files.check_writable(self.path)

    def start(self, settings):
        """Begins a run: removes an old one and writes the `Settings`."""
        for file in (self.settings_file, self.log, self.history, self.checkpoint, self.best):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.events, ignore_errors=True)
        self.write_settings(settings)

    def write_settings(self, settings):
        with files.replacing(self.settings_file) as temporary:
            temporary.write_text(json.dumps(dataclasses.asdict(settings), indent=1) + "\n")

    def read_settings(self):
        """The settings of the run here.

        Raises:
            UsageError: there is no run.
        """
        try:
            settings = json.loads(self.settings_file.read_text())
            if not isinstance(settings.get("configuration", {}), dict):
                raise ValueError("the configuration is not an object")
            return settings
        except (AttributeError, OSError, RecursionError, ValueError) as error:
            raise errors.UsageError("holds no run to resume", self.path) from error

    def done(self):
        """What the last checkpoint says of the run: a dictionary with step and seconds.

        Raises:
            UsageError: there is none.
        """
        from alic_tf import npz

        try:
            state = npz.read_json(self.checkpoint, "state")
            return {"step": int(state["step"]), "seconds": float(state["seconds"])}
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise errors.UsageError("holds no checkpoint to go on from", self.path) from error
