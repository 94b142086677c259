"""A training run from its settings to a trained model: what train_tf.py does."""

import contextlib
import importlib.util
import itertools
import math
import sys
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
from alic_tf.training.log import RunLog
from alic_tf.training.losses import RateDistortion
from alic_tf.training.optimizer import OPTIMIZERS
from alic_tf.training.perceptual import Perceptual
from alic_tf.training.schedule import SCHEDULES, STRETCH
from alic_tf.training.trainer import Checkpoint, Progress, Validation

VALIDATION_SIDE = 256
INITIAL_CROPS = 240


@precision.single()
def train(folder, settings, resume=False, export=None, best=False, log_seconds=30.0,
          save_minutes=5.0, validate_minutes=15.0, tensorboard=False, distribute=False):
    """Trains a model until its budget is spent.

    Args:
        folder: `RunFolder`, empty or to be replaced, or with a run to resume.
        settings: dictionary: model (name of a preset), start (path of a model file to begin with,
            or None), pretrained (path of weights for its transform, or None), set (changes of the
            configuration) or, of a run to resume, configuration; data, validation (paths of
            folders; validation may be None); minutes or steps (the other None), schedule (of
            `SCHEDULES`), rate, warmup, hard, decay (minutes or steps; all of the schedule),
            optimizer (of `OPTIMIZERS`), batch, patch, accumulate (steps per update), ema (momentum
            of the averages of the weights, 0 for none), metric, perceptual (path of the weights of
            `Perceptual`, or None) and its weight, balance, precision, seed.
        resume: continue from the last checkpoint.
        export: folder for the trained model, or None.
        best: end with the weights that had the best validation, instead of the last ones.
        log_seconds, save_minutes, validate_minutes: time between reports, checkpoints and
            validations.
        tensorboard: write event files, too.
        distribute: share each batch between the devices of this machine, or the workers that
            TF_CONFIG names; the first of these writes the files. Needs a budget in steps and no
            validation: all workers have to do the same things at the same time.

    Returns:
        the trained `RateDistortion`.

    Raises:
        AlicError: settings or data are wrong; nothing is written then.
    """
    if importlib.util.find_spec("tensorflow") is None:
        if export:
            raise errors.UsageError("--export needs TensorFlow; use --resume --export where it is")
        if tensorboard:
            raise errors.UsageError("--tensorboard needs TensorFlow, which writes its files")
    settings = dict(settings)
    changes = dict(settings.pop("set"))
    if "configuration" not in settings:
        settings["configuration"] = configuration(
            settings["model"], changes, settings["start"], settings["metric"]
        )
    strategy = _strategy() if distribute else None
    perceptual = settings["perceptual"] and Perceptual(settings["perceptual"])
    with strategy.scope() if strategy else contextlib.nullcontext():
        keras.utils.set_random_seed(settings["seed"])
        with precision.building(settings["precision"]):
            model = make_model(settings["configuration"])
        if settings["patch"] % model.stride:
            raise errors.UsageError(f"--patch of this model must be a multiple of {model.stride}")
        training_model = compiled(
            model, settings, strategy and strategy.num_replicas_in_sync, perceptual
        )
    seconds = settings["minutes"] and 60 * settings["minutes"]
    decay = settings["decay"] * (60 if seconds else 1)
    schedule = SCHEDULES[settings["schedule"]](
        settings["rate"], settings["steps"], seconds, settings["warmup"], settings["hard"], decay
    )
    checkpoint = Checkpoint(folder.checkpoint, folder.best, schedule, 60 * save_minutes)
    if resume:
        checkpoint.restore(training_model)
    if schedule.step == 0 and settings["start"]:
        assign_weights(model, settings["start"])
    elif schedule.step == 0 and settings["pretrained"]:
        load_pretrained(model, settings["pretrained"])
    log = RunLog(folder, schedule)
    if schedule.progress < 1:
        photographs = load_photographs(settings["data"], settings["patch"])
        sampler = _sampler(photographs, settings, model.qualities)
        callbacks = [schedule, Progress(log, schedule, sampler, log_seconds)]
        if settings["validation"]:
            crops = validation_crops(settings["validation"], model.stride, settings["metric"])
            qualities = sorted({*range(1, model.qualities + 1, 2), model.qualities})
            every = 60 * validate_minutes
            callbacks.append(Validation(crops, qualities, log, checkpoint, every))
        callbacks.append(checkpoint)
        if schedule.step == 0 and not settings["start"] and _is_packet(settings):
            first = CropSampler(photographs, settings["patch"], INITIAL_CROPS, 1)
            initialize(model.transform, first(settings["seed"])[0])
        if is_chief():
            folder.write_settings(settings) if resume else folder.start(settings)
            if tensorboard:
                from alic_tf.training.tensorboard import EventFile

                log.board = EventFile(folder.events)
            log.say(f"{settings['model']}: {model.count_params()} parameters, "
                    f"{len(photographs)} photographs, from step {schedule.step}")
            term = (f"{settings['perceptual_weight']} times that of {settings['perceptual']}"
                    if perceptual else "off (no --perceptual)")
            log.say(f"distortion: {settings['metric']}; perceptual term: {term}")
        else:
            callbacks = [schedule]
        fit(training_model, sampler, callbacks, schedule.step, strategy)
    if best:
        checkpoint.restore(training_model, best=True)
    if export and is_chief():
        with training_model.optimizer.averages():
            path = _export(model, export, training_model, schedule, settings)
        log.say(f"wrote {path}, {path.stat().st_size} bytes")
    return training_model


@precision.single()
def export_run(folder, settings, target):
    """Writes a run's model, with the weights of its best validation or else the last ones.

    Args:
        folder: `RunFolder` of the run.
        settings: those of the run, see `train`.
        target: folder for the model.

    Returns:
        path of the model file.
    """
    with precision.building(settings["precision"]):
        model = make_model(settings["configuration"])
    training_model = compiled(model, settings)
    schedule = SCHEDULES[settings["schedule"]](settings["rate"], steps=1)
    checkpoint = Checkpoint(folder.checkpoint, folder.best, schedule)
    checkpoint.restore(training_model, best=folder.best.exists())
    with training_model.optimizer.averages():
        return _export(model, target, training_model, schedule, settings)


def compiled(model, settings, replicas=None, perceptual=None):
    """The `RateDistortion` of a model, ready for `fit`, its optimizer built.

    With a number of replicas, its batches can be shared between so many.
    """
    loss_class, optimizer_class, shared = RateDistortion, OPTIMIZERS[settings["optimizer"]], {}
    if replicas:
        from alic_tf.training.distribute import DistributedRateDistortion, for_replicas

        loss_class, optimizer_class = DistributedRateDistortion, for_replicas(optimizer_class)
        shared = {"replicas": replicas}
    training_model = loss_class(
        model, model.lambdas, settings["balance"], settings["metric"], perceptual,
        settings["perceptual_weight"], **shared,
    )
    training_model.compile(
        optimizer=optimizer_class(
            settings["rate"],
            global_clipnorm=1.0,
            use_ema=settings["ema"] > 0,
            ema_momentum=settings["ema"],
            gradient_accumulation_steps=settings["accumulate"] if settings["accumulate"] > 1
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


def _sampler(photographs, settings, qualities):
    sampler = CropSampler(
        with_reductions(photographs, settings["patch"]), settings["patch"], settings["batch"],
        qualities, settings["seed"],
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
    return settings["configuration"]["transform"]["kind"] == "packet"


def _export(model, folder, training_model, schedule, settings):
    paths = ("data", "validation", "start", "pretrained", "perceptual")
    left_out = ("model", "configuration", *paths)
    notes = {name: value for name, value in settings.items() if name not in left_out}
    notes = {**notes, "data": Path(settings["data"]).name, "preset": settings["model"],
             "backend": keras.backend.backend(),
             **{name: settings[name] and Path(settings[name]).name
                for name in ("pretrained", "perceptual")},
             "skipped": int(keras.ops.convert_to_numpy(training_model.optimizer.skipped)),
             "done": schedule.state()}
    path = Path(folder) / zoo.MODEL_FILE
    zoo.export(model, path.absolute().parent.name, path, {"training": notes})
    return path
