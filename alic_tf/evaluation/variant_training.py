"""Trains one variant of a model and says what it reached; in a worker process."""

import json
import math

import keras
import numpy as np

from alic_tf import errors
from alic_tf.evaluation.results import commit
from alic_tf.evaluation.variants import VARIANTS
from alic_tf.training import run
from alic_tf.training.configuration import configuration
from alic_tf.training.folder import RunFolder
from alic_tf.training.settings import Settings

# Long enough to tell the first report, with the time of tracing, from the others.
_LOG_SECONDS = 10.0


def check(settings, variant):
    """Raises UsageError if the preset has no such switches; see `train`."""
    configuration(settings["preset"], {**settings["set"], **VARIANTS[variant]})


def train(settings, variant, seed, data, validation, folder):
    """Trains a variant, or goes on where its training was interrupted.

    Args:
        settings: dictionary: preset, set (changes), steps, batch, patch, rate, precision.
        variant: name of one of `VARIANTS`; its changes go before those of the settings.
        seed: of initial weights, crops and noise.
        data, validation: paths of folders.
        folder: of the training.

    Returns:
        dictionary: variant, seed, commit, parameters, macs_per_pixel (None on JAX), bpp and psnr
        (means over the validation crops, with real rounding), loss (lambda D + R), steps,
        seconds_per_step, cpu_seconds_per_step, skipped (steps without a finite gradient).

    Raises:
        AlicError: whatever goes wrong, in one line.
    """
    folder = RunFolder(folder)
    shared = {name: settings[name] for name in ("steps", "batch", "patch", "rate", "precision")}
    changes = {**settings["set"], **VARIANTS[variant]}
    try:
        own = Settings(
            model=settings["preset"], set=changes, seed=seed, data=data, validation=validation,
            optimizer="adam", **shared,
        )  # fmt: skip
        trained = run.train(
            folder, own, resume=folder.settings_file.exists(), log_seconds=_LOG_SECONDS,
            validate_minutes=float("inf"),
        )
        rows = [json.loads(line) for line in folder.history.read_text().splitlines()]
        return {
            "variant": variant,
            "seed": seed,
            "commit": commit(),
            "parameters": trained.model.count_params(),
            "macs_per_pixel": _macs_per_pixel(trained.model),
            **_reached(rows),
        }
    except errors.AlicError:
        raise
    except Exception as error:  # whatever one variant may cause, the others go on
        line = " ".join(str(error).split())[:200]
        raise errors.AlicError(f"{type(error).__name__}: {line}") from error


def _macs_per_pixel(model):
    if keras.backend.backend() != "tensorflow":
        return None
    from alic_tf.evaluation.complexity import macs_per_pixel

    return macs_per_pixel(model)


def _reached(rows):
    """Quality, rate and speed by the history of a training."""
    validated = [row for row in rows if "validation" in row][-1]
    if not math.isfinite(validated["validation_loss"] or math.nan):
        raise errors.AlicError("its loss is not a finite number")
    _, bpp, psnr = np.mean(validated["validation"], axis=0)
    reports = [row for row in rows if "loss" in row]
    last = reports[-1]
    # The first report includes the time that tracing and compiling take.
    first = reports[0] if len(reports) > 1 else {"step": 0, "seconds": 0, "cpu_seconds": 0}
    steps = last["step"] - first["step"]
    return {
        "bpp": float(bpp),
        "psnr": float(psnr),
        "loss": validated["validation_loss"],
        "steps": last["step"],
        "seconds_per_step": (last["seconds"] - first["seconds"]) / steps,
        "cpu_seconds_per_step": (last["cpu_seconds"] - first["cpu_seconds"]) / steps,
        "skipped": last["skipped"],
    }
