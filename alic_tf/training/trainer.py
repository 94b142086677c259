"""The training loop's callbacks: schedule, checkpoints, progress and validation."""

import json
import math
import time

import keras
import numpy as np

from alic_tf.training.checkpoint import load_checkpoint, save_checkpoint

# Steps per Keras epoch. What a callback sets on the model, it sets between epochs, since on the JAX
# backend the model's variables are out of reach within one; so the learning rate has steps, too.
STRETCH = 20
WARMUP_STEPS = 200
FILTER_WEIGHT = 0.1


class Schedule(keras.callbacks.Callback):
    """Learning rate, filter weight and end of a training within a budget of steps or seconds.

    Warm-up over the first steps, then a cosine from `rate` to zero at the end of the budget. The
    weight of the filter loss is 0.1 for a tenth of it, then 0. Under a budget of steps all of it
    depends on the step alone.

    Args:
        rate: highest learning rate.
        steps, seconds: the budget, one of them.

    Attributes:
        step: steps done.
        elapsed, cpu_seconds: time spent on them, validation included.
    """

    def __init__(self, rate, steps=None, seconds=None):
        super().__init__()
        self.rate, self.steps, self.seconds = rate, steps, seconds
        self.warmup = min(WARMUP_STEPS, steps // 10) if steps else WARMUP_STEPS
        self.step, self.elapsed, self.cpu_seconds = 0, 0.0, 0.0

    @property
    def progress(self):
        """Spent part of the budget, 0..1."""
        spent = self.step / self.steps if self.steps else self.elapsed / self.seconds
        return min(spent, 1.0)

    def state(self):
        """What `restore` needs to go on from here."""
        return {"step": self.step, "seconds": round(self.elapsed, 3),
                "cpu_seconds": round(self.cpu_seconds, 3)}

    def restore(self, state):
        self.step, self.elapsed = state["step"], state["seconds"]
        self.cpu_seconds = state["cpu_seconds"]

    def on_train_begin(self, logs=None):
        self.clock = time.monotonic(), time.process_time()

    def on_epoch_begin(self, epoch, logs=None):
        warm = min((self.step + 1) / max(self.warmup, 1), 1.0)
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress))
        self.model.optimizer.learning_rate = self.rate * warm * cosine
        self.model.filter_weight.assign(FILTER_WEIGHT * (self.progress < 0.1))

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        clock = time.monotonic(), time.process_time()
        self.elapsed += clock[0] - self.clock[0]
        self.cpu_seconds += clock[1] - self.clock[1]
        self.clock = clock
        if self.progress >= 1:
            self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Saves everything that a resumed run needs, every few seconds and at the end."""

    def __init__(self, path, schedule, every=300.0):
        super().__init__()
        self.path, self.schedule, self.every = path, schedule, every
        self.last = time.monotonic()

    def variables(self):
        """All that changes in training: weights, random generators, optimizer."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def save(self):
        save_checkpoint(self.path, self.variables(), self.schedule.state())
        self.last = time.monotonic()

    def restore(self, model):
        """Brings model and schedule to the state of the file, if there is one."""
        self.set_model(model)
        if self.path.exists():
            self.schedule.restore(load_checkpoint(self.path, self.variables()))

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self.last >= self.every:
            self.save()

    def on_train_end(self, logs=None):
        self.save()


class Progress(keras.callbacks.Callback):
    """A line on the console and a JSON row in the history file, every few seconds."""

    def __init__(self, path, schedule, every=30.0):
        super().__init__()
        self.path, self.schedule, self.every = path, schedule, every
        self.losses = []

    def on_train_begin(self, logs=None):
        """Drops the rows of steps that are about to be done again."""
        rows = self.path.read_text().splitlines() if self.path.exists() else []
        kept = [row for row in rows if json.loads(row)["step"] <= self.schedule.step]
        self.path.write_text("".join(f"{row}\n" for row in kept))
        self._start()

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(float(logs["loss"]))
        if time.monotonic() - self.clock >= self.every or self.model.stop_training:
            self.report()

    def report(self):
        schedule, optimizer = self.schedule, self.model.optimizer
        seconds = schedule.elapsed - self.since["seconds"]
        speed = (schedule.step - self.since["step"]) / max(seconds, 1e-9)
        rate, loss = float(optimizer.learning_rate), float(np.mean(self.losses))
        skipped = int(optimizer.skipped)
        if schedule.steps:
            left = (schedule.steps - schedule.step) / speed
        else:
            left = max(schedule.seconds - schedule.elapsed, 0)
        hours, minutes = divmod(round(left / 60), 60)
        print(
            f"step {schedule.step}  {speed:.2f} steps/s  loss {loss:.4f}  rate {rate:.2e}  "
            f"{hours}:{minutes:02} h left" + (f"  {skipped} skipped" if skipped else ""),
            flush=True,
        )
        self.write(loss=loss if math.isfinite(loss) else None, rate=rate, skipped=skipped)
        self._start()

    def write(self, **values):
        """Appends a row with the state of the schedule and `values` to the history."""
        with open(self.path, "a") as file:
            file.write(json.dumps(self.schedule.state() | values) + "\n")

    def _start(self):
        self.clock, self.since, self.losses = time.monotonic(), self.schedule.state(), []


class Validation(keras.callbacks.Callback):
    """Rate and distortion with real rounding, every few seconds and at the end.

    Args:
        crops: uint8 [n, h, w, 3].
        qualities: list of qualities.
        progress: the `Progress` whose history takes the rows.
        every: seconds.
    """

    def __init__(self, crops, qualities, progress, every=900.0):
        super().__init__()
        self.crops, self.qualities = crops, qualities
        self.progress, self.every, self.last = progress, every, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self.last >= self.every or self.model.stop_training:
            rows = self.measure()
            self.progress.write(validation=rows)
            text = ", ".join(f"{psnr:.2f} dB at {bpp:.3f} bpp" for _, bpp, psnr in rows)
            print(f"validation: {text}", flush=True)
            self.last = time.monotonic()

    def measure(self):
        """[[quality, bits per pixel, PSNR in dB], ...], means over the crops."""
        rows = []
        for quality in self.qualities:
            qualities = np.full(len(self.crops), quality, "float32")
            out = self.model.predict((self.crops, qualities), batch_size=4, verbose=0)
            psnr = 10 * np.log10(255.0**2 / out["mse"])
            rows.append([quality, float(np.mean(out["bpp"])), float(np.mean(psnr))])
        return rows
