"""A training run from its settings to a trained model: what `alic train` does."""

import contextlib
import importlib.util
import itertools
import math
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np

from alic_tf import errors, precision, zoo
from alic_tf.metrics import MS_SSIM_MIN_SIDE
from alic_tf.networks.initialization import initialize
from alic_tf.training.cluster import is_chief
from alic_tf.training.configuration import (
    assign_weights,
    configuration,
    load_pretrained,
    make_model,
)
from alic_tf.training.data import CropSampler, load_photographs, with_reductions
from alic_tf.training.folder import RunFolder
from alic_tf.training.log import RunLog
from alic_tf.training.losses import RateDistortion
from alic_tf.training.optimizer import OPTIMIZERS
from alic_tf.training.perceptual import Perceptual
from alic_tf.training.schedule import SCHEDULES, STRETCH
from alic_tf.training.settings import Settings
from alic_tf.training.trainer import Checkpoint, Progress, Validation

VALIDATION_SIDE = 256
INITIAL_CROPS = 240


@dataclass
class Run:
    """A training: prepared, trained until its budget is spent, exported.

    Args:
        folder: `RunFolder`, empty or to be replaced, or with a run to resume.
        settings: `Settings`.
        log_seconds, save_minutes, validate_minutes: time between reports, checkpoints and
            validations.
        tensorboard: write event files, too.
        distribute: share each batch between the devices of this machine, or the workers that
            TF_CONFIG names; the first of these writes the files. Needs a budget in steps and no
            validation: all workers have to do the same things at the same time.

    Attributes:
        model, training_model, schedule, log: of the prepared run: `CompressionModel`, its
            `RateDistortion`, `Schedule` and `RunLog`.
    """

    folder: RunFolder
    settings: Settings
    log_seconds: float = 30.0
    save_minutes: float = 5.0
    validate_minutes: float = 15.0
    tensorboard: bool = False
    distribute: bool = False

    @precision.single()
    def prepare(self, resume=False):
        """Builds the model, with the weights that it begins with or, resumed, those it has reached.

        Raises:
            AlicError: the settings are wrong, or the checkpoint is damaged.
        """
        settings = self.settings
        if self.tensorboard and not _has_tensorflow():
            raise errors.UsageError("--tensorboard needs TensorFlow, which writes its files")
        if settings.configuration is None:
            settings = self.settings = replace(settings, configuration=configuration(
                settings.model, settings.set, settings.start, settings.metric))
        self._strategy = _strategy() if self.distribute else None
        self._perceptual = settings.perceptual and Perceptual(settings.perceptual)
        with self._strategy.scope() if self._strategy else contextlib.nullcontext():
            keras.utils.set_random_seed(settings.seed)
            with precision.building(settings.precision):
                self.model = make_model(settings.configuration)
            if settings.patch % self.model.stride:
                raise errors.UsageError(
                    f"--patch of this model must be a multiple of {self.model.stride}"
                )
            replicas = self._strategy and self._strategy.num_replicas_in_sync
            self.training_model = compiled(self.model, settings, replicas, self._perceptual)
        self.schedule = _schedule(settings)
        self._checkpoint = Checkpoint(
            self.folder.checkpoint, self.folder.best, self.schedule, 60 * self.save_minutes
        )
        self.log = RunLog(self.folder, self.schedule)
        self._resumed = resume
        if resume:
            self._checkpoint.restore(self.training_model)
        if self.schedule.step == 0 and settings.start:
            assign_weights(self.model, settings.start)
        elif self.schedule.step == 0 and settings.pretrained:
            load_pretrained(self.model, settings.pretrained)

    @precision.single()
    def fit(self):
        """Trains until the budget is spent.

        Raises:
            AlicError: the data are wrong; nothing is written then.
        """
        if self.schedule.progress >= 1:
            return
        settings, schedule, model = self.settings, self.schedule, self.model
        photographs = load_photographs(settings.data, settings.patch)
        sampler = _sampler(photographs, settings, model.qualities)
        callbacks = [schedule, Progress(self.log, schedule, sampler, self.log_seconds)]
        if settings.validation:
            crops = validation_crops(settings.validation, model.stride, settings.metric)
            qualities = sorted({*range(1, model.qualities + 1, 2), model.qualities})
            every = 60 * self.validate_minutes
            callbacks.append(Validation(crops, qualities, self.log, self._checkpoint, every))
        callbacks.append(self._checkpoint)
        if schedule.step == 0 and not settings.start and _is_packet(settings):
            first = CropSampler(photographs, settings.patch, INITIAL_CROPS, 1)
            initialize(model.transform, first(settings.seed)[0])
        if is_chief():
            self._begin(len(photographs))
        else:
            callbacks = [schedule]
        fit(self.training_model, sampler, callbacks, schedule.step, self._strategy)

    @precision.single()
    def export(self, target, best=False):
        """Writes the model as it is, or with the weights that had the best validation.

        Args:
            target: folder for the model.
            best: see above.

        Returns:
            path of the model file.
        """
        if not _has_tensorflow():
            raise errors.UsageError("--export needs TensorFlow; use --resume --export where it is")
        if best:
            self._checkpoint.restore(self.training_model, best=True)
        path = Path(target) / zoo.MODEL_FILE
        with self.training_model.optimizer.averages():
            zoo.export(
                self.model, path.absolute().parent.name, path, {"training": self._notes()}
            )
        return path

    def _notes(self):
        """What a model file says of its training: no paths of this machine."""
        settings = asdict(self.settings)
        for name in ("set", "configuration", "validation", "start"):
            settings.pop(name)
        return {
            "preset": settings.pop("model"),
            **settings,
            **{name: settings[name] and Path(settings[name]).name
               for name in ("data", "pretrained", "perceptual")},
            "backend": keras.backend.backend(),
            "skipped": int(keras.ops.convert_to_numpy(self.training_model.optimizer.skipped)),
            "done": self.schedule.state(),
        }  # fmt: skip

    def _begin(self, photographs):
        """Writes what the folder holds before the first step."""
        settings, say = self.settings, self.log.say
        if self._resumed:
            self.folder.write_settings(settings)
        else:
            self.folder.start(settings)
        if self.tensorboard:
            from alic_tf.training.tensorboard import EventFile

            self.log.board = EventFile(self.folder.events)
        say(f"{settings.model}: {self.model.count_params()} parameters, "
            f"{photographs} photographs, from step {self.schedule.step}")
        term = (f"{settings.perceptual_weight} times that of {settings.perceptual}"
                if self._perceptual else "off (no --perceptual)")
        say(f"distortion: {settings.metric}; perceptual term: {term}")


def train(folder, settings, resume=False, export=None, best=False, **options):
    """Trains a model until its budget is spent; see `Run`.

    Args:
        folder, settings, options: of the `Run`.
        resume: continue from the last checkpoint.
        export: folder for the trained model, or None.
        best: end with the weights that had the best validation, instead of the last ones.

    Returns:
        the `Run`.

    Raises:
        AlicError: settings or data are wrong; nothing is written then.
    """
    if export and not _has_tensorflow():
        raise errors.UsageError("--export needs TensorFlow; use --resume --export where it is")
    run = Run(folder, settings, **options)
    run.prepare(resume)
    run.fit()
    if export and is_chief():
        path = run.export(export, best)
        run.log.say(f"wrote {path}, {path.stat().st_size} bytes")
    return run


def compiled(model, settings, replicas=None, perceptual=None):
    """The `RateDistortion` of a model, ready for `fit`, its optimizer built.

    With a number of replicas, its batches can be shared between so many.
    """
    loss_class, optimizer_class, shared = RateDistortion, OPTIMIZERS[settings.optimizer], {}
    if replicas:
        from alic_tf.training.distribute import DistributedRateDistortion, for_replicas

        loss_class, optimizer_class = DistributedRateDistortion, for_replicas(optimizer_class)
        shared = {"replicas": replicas}
    training_model = loss_class(
        model, model.lambdas, settings.balance, settings.metric, perceptual,
        settings.perceptual_weight, **shared,
    )
    training_model.compile(
        optimizer=optimizer_class(
            settings.rate,
            global_clipnorm=1.0,
            use_ema=settings.ema > 0,
            ema_momentum=settings.ema,
            gradient_accumulation_steps=settings.accumulate if settings.accumulate > 1
            else None,
            **shared,
        ),
        # Compiled by XLA, TensorFlow is several times slower on CPUs.
        jit_compile=keras.backend.backend() != "tensorflow",
    )
    training_model.optimizer.build(training_model.trainable_variables)
    return training_model


def fit(training_model, sampler, callbacks, first_step=0, strategy=None):
    """Trains on the crops of a `CropSampler` until a callback stops it."""
    if strategy:
        from alic_tf.training.distribute import distributed

        batches = distributed(strategy, sampler, first_step)
    else:
        batches = ((sampler(step),) for step in itertools.count(first_step))
    training_model.fit(
        batches,
        shuffle=False,
        steps_per_epoch=STRETCH,
        epochs=sys.maxsize,
        verbose=0,
        callbacks=callbacks,
    )


def validation_crops(path, stride, metric="mse"):
    """Central crops of the pictures in a folder, uint8 [n, side, side, 3].

    The side is 256, or for smaller pictures the largest multiple of `stride` in the smallest.
    Pictures that are too small for one, or for the metric, are left out.
    """
    smallest_of_metric = MS_SSIM_MIN_SIDE if "ms-ssim" in metric else 1
    needed = stride * math.ceil(smallest_of_metric / stride)
    photographs = load_photographs(path, needed)
    smallest = min(min(photograph.shape[:2]) for photograph in photographs)
    side = min(VALIDATION_SIDE, smallest // stride * stride)
    corners = [[(n - side) // 2 for n in photograph.shape[:2]] for photograph in photographs]
    return np.stack([
        photograph[top : top + side, left : left + side]
        for photograph, (top, left) in zip(photographs, corners)
    ])


def _schedule(settings):
    """The `Schedule` of `Settings`."""
    seconds = settings.minutes and 60 * settings.minutes
    decay = settings.decay * (60 if seconds else 1)
    return SCHEDULES[settings.schedule](
        settings.rate, settings.steps, seconds, settings.warmup, settings.hard, decay
    )


def _has_tensorflow():
    return importlib.util.find_spec("tensorflow") is not None


def _sampler(photographs, settings, qualities):
    sampler = CropSampler(
        with_reductions(photographs, settings.patch), settings.patch, settings.batch,
        qualities, settings.seed,
    )  # fmt: skip
    if keras.backend.backend() != "jax":
        return sampler
    from alic_tf.training.resident import resident

    return resident(sampler)


def _strategy():
    if keras.backend.backend() != "tensorflow":
        raise errors.UsageError("--distribute needs the TensorFlow backend")
    from alic_tf.training.distribute import make_strategy

    return make_strategy()


def _is_packet(settings):
    return settings.configuration["transform"]["kind"] == "packet"
