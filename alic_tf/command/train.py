"""`alic train` and train_tf.py: train a model on photographs; `--help` says how.

Only flags and errors are handled here; the work is in `alic_tf.training`. Keras takes seconds to
import, so what can be wrong with a request is answered before it is, except for the names of
models and of their switches.
"""

import math
import os

from alic_tf import errors, files, flags, storage, zoo
from alic_tf.flags import Flag
from alic_tf.metrics import MS_SSIM_MIN_SIDE
from alic_tf.training import config_file
from alic_tf.training.cluster import is_chief
from alic_tf.training.folder import RunFolder

USAGE = """\
usage: alic train --data DIR [--model NAME] [--minutes N | --steps N] [--export DIR] ...
       alic train --data DIR --start MODEL --out DIR ...
       alic train --resume --out DIR [--export DIR [--best]]

Trains a model on photographs until its budget is spent, with the loss lambda D + R + lambda_1
L_PQ. The run's folder holds its settings (config.json), its log (log.txt), its history
(history.jsonl), and the last checkpoint and the one of the best validation (last.npz, best.npz).
KERAS_BACKEND=jax trains on JAX.
"""
CHOICES = {
    "metric": ("mse", "ms-ssim", "mae+ms-ssim"),
    "schedule": ("budget", "stable", "paper", "cyclic"),
    "optimizer": ("adam", "muon"),
    "precision": ("float32", "mixed_bfloat16"),
}
# What the schedules of publications mean by default.
PUBLISHED = {
    "paper": {"optimizer": "adam", "rate": 1e-4, "warmup": 0, "steps": 1_500_000},
    "cyclic": {"optimizer": "adam", "rate": 1e-4, "warmup": 0},
}
RATES = {"adam": 1e-3, "muon": 3e-3}
PATCH_STEP = 64
LARGEST = 2**31 - 1
PATHS = ("data", "validation", "pretrained", "perceptual")

# What a run depends on: kept in its folder, so that it can be resumed.
SETTINGS = (
    Flag("string", "model", "dwan", "NAME", "preset to train", "start"),
    Flag("string", "start", None, "MODEL", "begin with the weights and switches of a model: the "
         "name of a shipped one, its folder or file", "start"),
    Flag("multi_string", "set", [], "PATH=VALUE", "change a switch of the preset, such as "
         "transform.pqf=false, entropy.mixture=gllmm or lambdas=[0.0032]; the value is JSON or a "
         "word; may be given several times", "start"),
    Flag("string", "pretrained", None, "FILE", "begin with these weights of keras.applications (an "
         ".h5 file without the top) in the encoder of qae", "start"),
    Flag("string", "data", None, "DIR", "folder of pictures or of tar shards (not compressed) of "
         "pictures"),
    Flag("string", "validation", None, "DIR", "the same for validation"),
    Flag("float", "minutes", None, "N", "budget in minutes (default 60, unless --steps is given)"),
    Flag("integer", "steps", None, "N", "budget in steps; the run is then reproducible",
         bounds=(1, LARGEST)),
    Flag("integer", "batch", 8, "N", "crops per step", "start", (1, LARGEST)),
    Flag("integer", "patch", 128, "N", f"side of the crops, a multiple of {PATCH_STEP}", "start",
         (PATCH_STEP, LARGEST)),
    Flag("integer", "accumulate", 1, "N", "steps whose gradients go into one update of the weights",
         "start", (1, LARGEST)),
    Flag("string", "schedule", "budget", "NAME", "budget: warm-up, then a cosine to zero at the "
         "end of the budget; stable: warm-up, then --rate until --decay; paper: the rate is halved "
         "every 100,000 steps from step 750,000 on, with --rate 1e-4, --warmup 0 and --steps "
         "1500000 unless given; cyclic: between a tenth of --rate and --rate, up and down in 2,000 "
         "steps each, with --rate 1e-4 and --warmup 0 unless given", "start"),
    Flag("float", "decay", 0.0, "N", "last minutes of a stable schedule (steps, if the budget is "
         "one of steps), in which the rate falls to zero; with --resume it begins at once, and the "
         "run ends with it"),
    Flag("string", "optimizer", None, "NAME", "adam, or muon, which learns more per step from "
         "scratch (default muon; adam with --start and the schedules of publications)", "start"),
    Flag("float", "rate", None, "R", "highest learning rate (default 3e-3 for muon, 1e-3 for adam)",
         "start"),
    Flag("integer", "warmup", 200, "N", "steps of warm-up, at most a tenth of --steps", "start",
         (0, LARGEST)),
    Flag("float", "hard", 0.0, "PART", "last part of the budget, 0 to 1, in which the rate is that "
         "of the rounded latents instead of noisy ones", "start"),
    Flag("float", "ema", 0.0, "M", "validate and export averages of the weights that keep this "
         "part of themselves at each step, such as 0.999", "start"),
    Flag("string", "metric", "mse", "NAME", "distortion: mse; ms-ssim, which has the paper's "
         "lambdas, 12 to 120, by default; or mae+ms-ssim, 0.6 times the mean absolute error and "
         "0.4 times 1 - MS-SSIM, with lambda 9 by default; the latter two need --patch 192 or more",
         "start"),
    Flag("string", "perceptual", None, "FILE", "add a perceptual term to the distortion, by the "
         "features of the trained network in this .npz file (docs/training.md)", "start"),
    Flag("float", "perceptual_weight", 1.0, "W", "factor of that term", "start"),
    Flag("float", "balance", 0.3, "B", "loss of each quality is weighted by lambda^-B", "start"),
    Flag("string", "precision", "float32", "TYPE", " or ".join(CHOICES["precision"]), "start"),
    Flag("integer", "seed", 0, "N", "of initial weights, crops and noise", "start", (0, LARGEST)),
)  # fmt: skip
FLAGS = (
    *SETTINGS,
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
        names = [flag.name for flag in SETTINGS]
        given = [name for name in names if name in values.given]
        program, *rest = argv
        argv = [program, *config_file.arguments(values.config, names, given), *rest]
        values = flags.read(argv, USAGE, FLAGS)
    check_values(values)
    if values.start:
        values.start = os.path.abspath(zoo.find(values.start))
        values.model = storage.read_configuration(values.start)["name"]
    folder = RunFolder(values.out or os.path.join("runs", values.model))
    settings = resumed(values, folder) if values.resume else started(values, folder)
    check_paths(values, settings)
    if values.best and not (settings["validation"] or folder.best.exists()):
        raise errors.UsageError("--best needs a run with --validation")
    if values.distribute and not (settings["steps"] and settings["validation"] is None):
        raise errors.UsageError("--distribute needs --steps, and goes without --validation")

    from alic_tf.training.run import train

    train(
        folder, settings, values.resume, values.export, values.best, values.log_seconds,
        values.save_minutes, values.validate_minutes, values.tensorboard, values.distribute,
    )
    return 0


def check_values(values):
    """Raises UsageError for flags that are wrong by themselves or do not go together."""
    if values.start is not None and "model" in values.given:
        raise errors.UsageError("give one of --model and --start")
    if values.minutes is not None and values.steps is not None:
        raise errors.UsageError("give one of --minutes and --steps")
    if values.best and values.export is None:
        raise errors.UsageError("--best goes with --export")
    for flag in FLAGS:
        value = values[flag.name]
        if flag.kind == "string" and value == "":
            raise errors.UsageError(f"--{flag.name} is empty")
        if flag.kind == "float" and value is not None and not 0 <= value < math.inf:
            raise errors.UsageError(f"--{flag.name} must be a number from 0, not {value}")
    for name in ("minutes", "rate"):
        if values[name] == 0:
            raise errors.UsageError(f"--{name} must be more than 0")
    for name, allowed in CHOICES.items():
        if values[name] not in (None, *allowed):
            raise errors.UsageError(f"--{name} must be one of {allowed}")
    if values.hard > 1:
        raise errors.UsageError("--hard must be a part, 0 to 1")
    if values.ema >= 1:
        raise errors.UsageError("--ema must be less than 1")
    if "ms-ssim" in values.metric and values.patch < MS_SSIM_MIN_SIDE:
        raise errors.UsageError(f"--metric {values.metric} needs crops of {MS_SSIM_MIN_SIDE} "
                                "pixels: give --patch 192 or more")
    if values.patch % PATCH_STEP:
        raise errors.UsageError(f"--patch must be a multiple of {PATCH_STEP}")


def started(values, folder):
    """The settings of a new run."""
    settings = {flag.name: values[flag.name] for flag in SETTINGS}
    settings["set"] = dict(map(flags.change, values.set))
    if values.data is None:
        raise errors.UsageError("give --data, a folder of pictures")
    published = PUBLISHED.get(values.schedule, {})
    settings |= {name: value for name, value in published.items() if name not in values.given}
    settings["optimizer"] = settings["optimizer"] or ("adam" if values.start else "muon")
    settings["rate"] = settings["rate"] or RATES[settings["optimizer"]]
    if values.minutes is not None:
        settings["steps"] = None
    elif settings["steps"] is None:
        settings["minutes"] = 60.0
    if values.decay:
        check_decay(values.schedule)
    # The first worker may have begun the run by now.
    folder.check_start(values.overwrite or not is_chief())
    return settings | given_paths(values)


def resumed(values, folder):
    """The settings of the run in the folder, with the budget and the paths that are given."""
    settings = stored(folder) | given_paths(values)
    if values.steps or values.minutes:
        settings |= {"steps": values.steps, "minutes": values.minutes}
    if values.decay:
        check_decay(settings["schedule"])
        done = folder.done()
        budget = ({"steps": done["step"] + round(values.decay)} if settings["steps"]
                  else {"minutes": done["seconds"] / 60 + values.decay})
        settings |= {"decay": values.decay, **budget}
    return settings


def stored(folder):
    """The settings of the run in a folder, and its configuration, as a command line gives them."""
    # A run that an earlier version of the program began lacks the settings that came later.
    file = {"optimizer": "adam", **folder.read_settings()}
    given = [f"--{flag.name}={file[flag.name]}" for flag in SETTINGS
             if flag.name != "set" and file.get(flag.name) is not None]
    try:
        values = flags.read(["", *given], USAGE, FLAGS)
        settings = {flag.name: values[flag.name] for flag in SETTINGS}
        values.start = None  # A run has the name of its model, too.
        check_values(values)
    except errors.UsageError as error:
        raise errors.UsageError(error.cause, folder.settings_file) from error
    if "configuration" in file:
        settings["configuration"] = file["configuration"]
    return settings


def check_decay(schedule):
    """Raises UsageError if this schedule has no decay to be set."""
    if schedule != "stable":
        raise errors.UsageError(f"--decay goes with --schedule stable, not {schedule}")


def given_paths(values):
    """The given paths of data, absolute: a run may be resumed from elsewhere."""
    names = [name for name in PATHS if name in values.given]
    return {name: os.path.abspath(values[name]) for name in names}


def check_paths(values, settings):
    """Raises UsageError for paths that are missing and a model not to be replaced."""
    for name in ("data", "validation"):
        if settings[name] is not None and not os.path.isdir(settings[name]):
            raise errors.UsageError("no such folder", settings[name])
    for name in ("pretrained", "perceptual"):
        if settings[name] is not None and not os.path.isfile(settings[name]):
            raise errors.UsageError("no such file", settings[name])
    if values.export:
        files.check_writable(values.export)
        target = os.path.join(values.export, "model.npz")
        if os.path.exists(target) and not values.overwrite:
            raise errors.UsageError("exists; give --overwrite to replace it", target)


def main(argv):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    return flags.main(run, argv)
