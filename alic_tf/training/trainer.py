"""The training loop's callbacks: checkpoints, progress and validation."""

import math
import time

import keras
import numpy as np

from alic_tf import errors
from alic_tf.training.checkpoint import load_checkpoint, save_checkpoint

# What a step reports: the loss, and the means over its crops of rate and distortion.
PARTS = ("loss", "bpp", "distortion")
# Crops of validation that are shown beside what is decoded of them.
PICTURES = 4


class Checkpoint(keras.callbacks.Callback):
    """Saves everything that a resumed run needs, every few seconds and at the end.

    Args:
        path: of the last checkpoint.
        best_path: of the checkpoint with the best validation.
        schedule: the `Schedule`.
        every: seconds.

    Attributes:
        best: lowest loss of a validation so far.
    """

    def __init__(self, path, best_path, schedule, every=300.0):
        super().__init__()
        self.path, self.best_path, self.schedule, self.every = path, best_path, schedule, every
        self.best = math.inf
        self.last = time.monotonic()

    def variables(self):
        """All that changes in training: weights, random generators, optimizer."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def save(self):
        self._write(self.path)
        self.last = time.monotonic()

    def validated(self, loss):
        """Takes the loss of a validation; saves the best checkpoint if it is."""
        if loss < self.best:
            self.best = loss
            self._write(self.best_path)

    def _write(self, path):
        save_checkpoint(path, self.variables(), self.schedule.state() | {"best": self.best})

    def restore(self, model, best=False):
        """Brings model and schedule to the last or best checkpoint, if there is one."""
        self.set_model(model)
        path = self.best_path if best else self.path
        if path.exists():
            state = load_checkpoint(path, self.variables())
            try:
                self.schedule.restore(state)
                self.best = float(state.get("best", math.inf))
            except (TypeError, ValueError) as error:
                raise errors.AlicError("is not a checkpoint, or is damaged", path) from error

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self.last >= self.every:
            self.save()

    def on_train_end(self, logs=None):
        self.save()


class Progress(keras.callbacks.Callback):
    """Tells every few seconds how the training goes.

    Args:
        log: `RunLog`.
        schedule: the `Schedule`.
        sampler: of the batches, for the time that it takes.
        every: seconds.
    """

    def __init__(self, log, schedule, sampler, every=30.0):
        super().__init__()
        self.log, self.schedule, self.sampler, self.every = log, schedule, sampler, every

    def on_train_begin(self, logs=None):
        self.log.forget()
        self._start()

    def on_epoch_end(self, epoch, logs=None):
        self.means.append([float(logs[name]) for name in PARTS])
        if time.monotonic() - self.clock >= self.every or self.model.stop_training:
            self.report()

    def report(self):
        schedule, optimizer = self.schedule, self.model.optimizer
        seconds = max(schedule.elapsed - self.since["seconds"], 1e-9)
        speed = (schedule.step - self.since["step"]) / seconds
        drawing = (self.sampler.seconds - self.drawing) / seconds
        # By way of numpy, which also reads the variables of tf.distribute.
        rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        skipped = int(keras.ops.convert_to_numpy(optimizer.skipped))
        means = dict(zip(PARTS, np.mean(self.means, axis=0).tolist()))
        if schedule.steps:
            left = (schedule.steps - schedule.step) / speed
        else:
            left = max(schedule.seconds - schedule.elapsed, 0)
        hours, minutes = divmod(round(left / 60), 60)
        self.log.say(
            f"step {schedule.step}  {speed:.2f} steps/s  input {100 * drawing:.1f} %  "
            f"loss {means['loss']:.4f}  rate {rate:.2e}  {hours}:{minutes:02} h left"
            + (f"  {skipped} skipped" if skipped else "")
        )
        self.log.row(
            **means, learning_rate=rate, skipped=skipped,
            steps_per_second=round(speed, 3), input_share=round(drawing, 5),
        )  # fmt: skip
        self._start()

    def _start(self):
        self.clock, self.since, self.means = time.monotonic(), self.schedule.state(), []
        self.drawing = self.sampler.seconds


class Validation(keras.callbacks.Callback):
    """Rate and distortion with real rounding, every few seconds and at the end.

    Where the optimizer keeps averages of the weights, these are validated.

    Args:
        crops: uint8 [n, h, w, 3].
        qualities: list of qualities.
        log: `RunLog`.
        checkpoint: the `Checkpoint` that keeps the best.
        every: seconds.
    """

    def __init__(self, crops, qualities, log, checkpoint, every=900.0):
        super().__init__()
        self.crops, self.qualities = crops, qualities
        self.log, self.checkpoint = log, checkpoint
        self.every, self.last = every, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self.last >= self.every or self.model.stop_training:
            with self.model.optimizer.averages():
                rows, loss, pictures = self.measure()
            self.log.row(validation=rows, validation_loss=loss)
            self.log.pictures(pictures)
            self.checkpoint.validated(loss)
            text = ", ".join(f"{psnr:.2f} dB at {bpp:.3f} bpp" for _, bpp, psnr in rows)
            self.log.say(f"validation: {text}")
            self.last = time.monotonic()

    def measure(self):
        """What the model makes of the crops.

        Returns:
            [[quality, bits per pixel, PSNR in dB], ...]; the mean of lambda D + R; and pictures
            uint8 [n, h, k w, 3], in each a crop and, to its right, what is decoded of it at each
            quality.
        """
        rows, losses, pictures = [], [], [self.crops[:PICTURES]]
        for quality in self.qualities:
            qualities = np.full(len(self.crops), quality, "float32")
            out = self.model.predict((self.crops, qualities), batch_size=4, verbose=0)
            psnr = 10 * np.log10(255.0**2 / out["mse"])
            rows.append([quality, float(np.mean(out["bpp"])), float(np.mean(psnr))])
            losses.append(np.exp(out["log_lambda"]) * out["distortion"] + out["bpp"])
            decoded = np.clip(np.round(255 * out["image"][:PICTURES]), 0, 255)
            pictures.append(decoded.astype("uint8"))
        return rows, float(np.mean(losses)), np.concatenate(pictures, axis=2)
