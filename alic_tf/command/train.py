"""`alic train` and train_tf.py: train a model on photographs; `--help` says how.

Only flags and errors are handled here; the work is in `alic_tf.training`. Keras takes seconds to
import, so what can be wrong with a request is answered before it is, except for the names of
models and of their switches.
"""

import math
import os

from alic_tf import errors, files, flags
from alic_tf.flags import Flag
from alic_tf.training import config_file, settings
from alic_tf.training.cluster import is_chief
from alic_tf.training.folder import RunFolder
from alic_tf.training.settings import Settings

USAGE = """\
usage: alic train --data DIR [--model NAME] [--minutes N | --steps N] [--export DIR] ...
       alic train --data DIR --start MODEL --out DIR ...
       alic train --resume --out DIR [--export DIR [--best]]

Trains a model on photographs until its budget is spent, with the loss lambda D + R + lambda_1
L_PQ. The run's folder holds its settings (config.json), its log (log.txt), its history
(history.jsonl), and the last checkpoint and the one of the best validation (last.npz, best.npz).
KERAS_BACKEND=jax trains on JAX.
"""
PATHS = ("data", "validation", "pretrained", "perceptual")

FLAGS = (
    *settings.FLAGS,
    Flag("string", "config", None, "FILE", "the same settings from a JSON file, such as the "
         "config.json of another run; flags given beside it count more", "start"),
    Flag("string", "out", None, "DIR", "folder of the run (default runs/ and the model's name)"),
    Flag("boolean", "resume", False, "", "continue the run in --out as it was started; a new "
         "budget or a new place of the data may be given"),
    Flag("string", "export", None, "DIR", "write the trained model there, for "
         "encoder_decoder.py --model DIR"),
    Flag("boolean", "best", False, "", "export the weights that had the best validation, not the "
         "last ones"),
    Flag("boolean", "overwrite", False, "", "replace the run in --out (unless it is resumed) and "
         "the model in --export"),
    Flag("boolean", "distribute", False, "", "share each batch between the GPUs of this machine "
         "or, started on each, the workers in TF_CONFIG; with --steps, without --validation"),
    Flag("boolean", "tensorboard", False, "", "write what TensorBoard shows to tensorboard/ in the "
         "run's folder; needs TensorFlow"),
    Flag("float", "log_seconds", 30.0, "N", "seconds between lines of progress"),
    Flag("float", "save_minutes", 5.0, "N", "minutes between checkpoints"),
    Flag("float", "validate_minutes", 15.0, "N", "minutes between validations"),
    flags.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line and trains; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    flags.check_action("resume" if values.resume else "start", values, FLAGS)
    if values.config:
        given = [name for name in settings.NAMES if name in values.given]
        program, *rest = argv
        argv = [program, *config_file.arguments(values.config, settings.NAMES, given), *rest]
        values = flags.read(argv, USAGE, FLAGS)
    if values.best and values.export is None:
        raise errors.UsageError("--best goes with --export")
    for name in ("out", "export", "config"):
        if values[name] == "":
            raise errors.UsageError(f"--{name} is empty")
    for name in ("log_seconds", "save_minutes", "validate_minutes"):
        if not 0 <= values[name] < math.inf:
            raise errors.UsageError(f"--{name} must be a number from 0, not {values[name]}")
    asked = {name: values[name] for name in settings.NAMES if name in values.given}
    asked |= {name: os.path.abspath(path) for name, path in asked.items() if path and name in PATHS}
    chosen, folder = resumed(values, asked) if values.resume else started(values, asked)
    check_paths(values, chosen)
    if values.best and not (chosen.validation or folder.best.exists()):
        raise errors.UsageError("--best needs a run with --validation")
    if values.distribute and not (chosen.steps and chosen.validation is None):
        raise errors.UsageError("--distribute needs --steps, and goes without --validation")

    from alic_tf.training.run import train

    train(
        folder, chosen, values.resume, values.export, values.best,
        log_seconds=values.log_seconds, save_minutes=values.save_minutes,
        validate_minutes=values.validate_minutes, tensorboard=values.tensorboard,
        distribute=values.distribute,
    )  # fmt: skip
    return 0


def started(values, asked):
    """The settings of a new run, and its folder."""
    asked = dict(asked)
    if asked.get("start"):
        if "model" in asked:
            raise errors.UsageError("give one of --model and --start")
        from alic_tf import storage, zoo

        asked["start"] = os.path.abspath(zoo.find(asked["start"]))
        asked["model"] = storage.read_configuration(asked["start"])["name"]
    asked["set"] = dict(map(flags.change, values.set))
    chosen = Settings.of(asked)
    if chosen.data is None:
        raise errors.UsageError("give --data, a folder of pictures")
    folder = RunFolder(values.out or os.path.join("runs", chosen.model))
    # The first worker may have begun the run by now.
    folder.check_start(values.overwrite or not is_chief())
    return chosen, folder


def resumed(values, asked):
    """The settings of the run to resume, with what is given anew, and its folder."""
    folder = RunFolder(values.out or os.path.join("runs", Settings.model))
    return Settings.stored(folder).to_resume(asked, folder.done), folder


def check_paths(values, chosen):
    """Raises UsageError for paths that are missing and a model not to be replaced."""
    for name in ("data", "validation"):
        path = getattr(chosen, name)
        if path is not None and not os.path.isdir(path):
            raise errors.UsageError("no such folder", path)
    for name in ("pretrained", "perceptual"):
        path = getattr(chosen, name)
        if path is not None and not os.path.isfile(path):
            raise errors.UsageError("no such file", path)
    if values.export:
        files.check_writable(values.export)
        target = os.path.join(values.export, "model.npz")
        if os.path.exists(target) and not values.overwrite:
            raise errors.UsageError("exists; give --overwrite to replace it", target)


def main(argv):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    return flags.main(run, argv)
