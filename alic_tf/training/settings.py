"""What a training run depends on: each setting declared once, with its bounds and its words.

Importing this module is cheap: wrong settings are refused before Keras is imported.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from alic_tf import errors, flags
from alic_tf.flags import Flag

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
MINUTES = 60.0
PATCH_STEP = 64
LARGEST = 2**31 - 1


def _option(kind, default, what, text, bounds=(), changeable=False):
    """A setting that is a flag, too; see `Flag`.

    A `changeable` one may be given anew when a run is resumed.
    """
    metadata = {"flag": (kind, default, what, text, bounds), "changeable": changeable}
    if isinstance(default, list):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """All that a training run depends on, as its config.json holds it; see the texts of the fields.

    Raises:
        UsageError: a value is wrong by itself, or some do not go together.
    """

    model: str = _option("string", "dwan", "NAME", "preset to train")
    start: str | None = _option(
        "string", None, "MODEL", "begin with the weights and switches of a model: the name of a "
        "shipped one, its folder or file")
    set: dict[str, Any] = _option(
        "multi_string", [], "PATH=VALUE", "change a switch of the preset, such as "
        "transform.pqf=false, entropy.mixture=gllmm or lambdas=[0.0032]; the value is JSON or a "
        "word; may be given several times")
    pretrained: str | None = _option(
        "string", None, "FILE", "begin with these weights of keras.applications (an .h5 file "
        "without the top) in the encoder of qae")
    data: str | None = _option(
        "string", None, "DIR", "folder of pictures or of tar shards (not compressed) of pictures",
        changeable=True)
    validation: str | None = _option(
        "string", None, "DIR", "the same for validation", changeable=True)
    minutes: float | None = _option(
        "float", None, "N", f"budget in minutes (default {MINUTES:.0f}, unless --steps is given)",
        changeable=True)
    steps: int | None = _option(
        "integer", None, "N", "budget in steps; the run is then reproducible", (1, LARGEST),
        changeable=True)
    batch: int = _option("integer", 8, "N", "crops per step", (1, LARGEST))
    patch: int = _option(
        "integer", 128, "N", f"side of the crops, a multiple of {PATCH_STEP}",
        (PATCH_STEP, LARGEST))
    accumulate: int = _option(
        "integer", 1, "N", "steps whose gradients go into one update of the weights", (1, LARGEST))
    schedule: str = _option(
        "string", "budget", "NAME", "budget: warm-up, then a cosine to zero at the end of the "
        "budget; stable: warm-up, then --rate until --decay; paper: the rate is halved every "
        "100,000 steps from step 750,000 on, with --rate 1e-4, --warmup 0 and --steps 1500000 "
        "unless given; cyclic: between a tenth of --rate and --rate, up and down in 2,000 steps "
        "each, with --rate 1e-4 and --warmup 0 unless given")
    decay: float = _option(
        "float", 0.0, "N", "last minutes of a stable schedule (steps, if the budget is one of "
        "steps), in which the rate falls to zero; with --resume it begins at once, and the run "
        "ends with it", changeable=True)
    optimizer: str = _option(
        "string", "muon", "NAME", "adam, or muon, which learns more per step from scratch "
        "(default adam with --start and the schedules of publications)")
    rate: float = _option(
        "float", RATES["muon"], "R", "highest learning rate (default 1e-3 for adam)")
    warmup: int = _option(
        "integer", 200, "N", "steps of warm-up, at most a tenth of --steps", (0, LARGEST))
    hard: float = _option(
        "float", 0.0, "PART", "last part of the budget, 0 to 1, in which the rate is that of the "
        "rounded latents instead of noisy ones")
    ema: float = _option(
        "float", 0.0, "M", "validate and export averages of the weights that keep this part of "
        "themselves at each step, such as 0.999")
    metric: str = _option(
        "string", "mse", "NAME", "distortion: mse; ms-ssim, which has the paper's lambdas, 12 to "
        "120, by default; or mae+ms-ssim, 0.6 times the mean absolute error and 0.4 times "
        "1 - MS-SSIM, with lambda 9 by default; the latter two need --patch 192 or more")
    perceptual: str | None = _option(
        "string", None, "FILE", "add a perceptual term to the distortion, by the features of the "
        "trained network in this .npz file (docs/training.md)")
    perceptual_weight: float = _option("float", 1.0, "W", "factor of that term")
    balance: float = _option(
        "float", 0.3, "B", "loss of each quality is weighted by lambda^-B")
    precision: str = _option("string", "float32", "TYPE", " or ".join(CHOICES["precision"]))
    seed: int = _option("integer", 0, "N", "of initial weights, crops and noise", (0, LARGEST))
    # Of the model: what the preset, the start and the changes come to once the run has begun.
    configuration: dict[str, Any] | None = None

    def __post_init__(self):
        if self.minutes is not None and self.steps is not None:
            raise errors.UsageError("give one of --minutes and --steps")
        for name, value in dataclasses.asdict(self).items():
            if value == "":
                raise errors.UsageError(f"--{name} is empty")
            if isinstance(value, float) and not 0 <= value < math.inf:
                raise errors.UsageError(f"--{name} must be a number from 0, not {value}")
        for name in ("minutes", "rate"):
            if getattr(self, name) == 0:
                raise errors.UsageError(f"--{name} must be more than 0")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise errors.UsageError(f"--{name} must be one of {allowed}")
        if self.hard > 1:
            raise errors.UsageError("--hard must be a part, 0 to 1")
        if self.ema >= 1:
            raise errors.UsageError("--ema must be less than 1")
        if "ms-ssim" in self.metric:
            self._check_patch()
        if self.patch % PATCH_STEP:
            raise errors.UsageError(f"--patch must be a multiple of {PATCH_STEP}")
        if self.decay and self.schedule != "stable":
            raise errors.UsageError(f"--decay goes with --schedule stable, not {self.schedule}")

    def _check_patch(self):
        from alic_tf.metrics import MS_SSIM_MIN_SIDE

        if self.patch < MS_SSIM_MIN_SIDE:
            raise errors.UsageError(f"--metric {self.metric} needs crops of {MS_SSIM_MIN_SIDE} "
                                    "pixels: give --patch 192 or more")

    @classmethod
    def of(cls, given):
        """Those of a new run: what is given, by name, and what follows from it."""
        values = PUBLISHED.get(given.get("schedule"), {}) | given
        values.setdefault("optimizer", "adam" if values.get("start") else "muon")
        values.setdefault("rate", RATES.get(values["optimizer"]))
        if "minutes" in given and "steps" not in given:
            values["steps"] = None  # A publication's budget is one of steps.
        elif values.get("steps") is None:
            values["minutes"] = MINUTES
        return cls(**values)

    @classmethod
    def stored(cls, folder):
        """Those of the run in a `RunFolder`, held to the bounds of the flags.

        Raises:
            UsageError: there is no run, or its settings are none.
        """
        # A run that an earlier version of the program began lacks the settings that came later.
        file = {"optimizer": "adam", "start": None, **folder.read_settings()}
        words = [f"--{name}={file[name]}" for name in NAMES
                 if name != "set" and file.get(name) is not None]
        try:
            values = flags.parse(["", *words], FLAGS)
            known = {name: values[name] for name in values.given}
            return cls(**known, configuration=file.get("configuration"))
        except errors.UsageError as error:
            raise errors.UsageError(error.cause, folder.settings_file) from error

    def to_resume(self, changes, done):
        """Those of the same run with a new budget or other paths.

        Args:
            changes: those of the `changeable` settings that are given anew, by name.
            done: function that returns what `RunFolder.done` does; called if a decay is given.
        """
        if {"minutes", "steps"} & changes.keys():
            changes = {"minutes": None, "steps": None} | changes
        decay = changes.get("decay", 0.0)
        changed = dataclasses.replace(self, **{**changes, "decay": self.decay})
        if not decay:
            return changed
        changed = dataclasses.replace(changed, decay=decay)
        so_far = done()
        budget = ({"steps": so_far["step"] + round(decay)} if changed.steps
                  else {"minutes": so_far["seconds"] / 60 + decay})
        return dataclasses.replace(changed, **budget)


def _flags():
    for one in dataclasses.fields(Settings):
        if "flag" in one.metadata:
            kind, default, what, text, bounds = one.metadata["flag"]
            action = "" if one.metadata["changeable"] else "start"
            yield Flag(kind, one.name, default, what, text, action, bounds)


FLAGS = tuple(_flags())
NAMES = [flag.name for flag in FLAGS]
