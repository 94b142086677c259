"""Training within a budget: schedule, checkpoints, resume, validation."""

import json
import os
import time
from pathlib import Path

import keras
import numpy as np

STEPS_PER_EPOCH = 100


def save_checkpoint(path, variables, state):
    """Writes variables (in order) and a JSON-able state to one .npz, replacing it at once."""
    arrays = {f"v{i}": np.asarray(keras.ops.convert_to_numpy(v)) for i, v in enumerate(variables)}
    temporary = Path(path).with_suffix(".part.npz")
    np.savez(temporary, state=json.dumps(state), **arrays)
    os.replace(temporary, path)


def load_checkpoint(path, variables):
    """Restores what `save_checkpoint` wrote into the same variables; returns the state."""
    with np.load(path) as arrays:
        for i, variable in enumerate(variables):
            variable.assign(arrays[f"v{i}"])
        return json.loads(str(arrays["state"]))


class Budget(keras.callbacks.Callback):
    """Learning rate and end of a training with a budget of seconds.

    Warm-up over the first steps, then a cosine from `rate` to zero at the end of the budget. The
    weight of the filter loss falls from its first value to 0 after a tenth of it.
    """

    def __init__(self, seconds, rate, warmup=200, start=None, filter_weight=0.1):
        super().__init__()
        self.seconds, self.rate, self.warmup = seconds, rate, warmup
        self.filter_weight = filter_weight
        self.elapsed = start["seconds"] if start else 0.0
        self.cpu_seconds = start["cpu_seconds"] if start else 0.0
        self.step = start["step"] if start else 0

    def on_train_begin(self, logs=None):
        self.clock, self.cpu_clock = time.monotonic(), time.process_time()

    def on_train_batch_begin(self, batch, logs=None):
        now, cpu = time.monotonic(), time.process_time()
        self.elapsed += now - self.clock
        self.cpu_seconds += cpu - self.cpu_clock
        self.clock, self.cpu_clock = now, cpu
        progress = min(self.elapsed / self.seconds, 1.0)
        warm = min((self.step + 1) / self.warmup, 1.0)
        self.model.optimizer.learning_rate = (
            self.rate * warm * 0.5 * (1 + np.cos(np.pi * progress))
        )
        self.model.filter_weight.assign(self.filter_weight * (progress < 0.1))
        if progress >= 1:
            self.model.stop_training = True

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1


class Checkpoint(keras.callbacks.Callback):
    """Saves everything that a resumed run needs, every few minutes and at the end."""

    def __init__(self, path, budget, every=300.0):
        super().__init__()
        self.path, self.budget, self.every = path, budget, every
        self.last = time.monotonic()

    def variables(self):
        return [*self.model.variables, *self.model.optimizer.variables]

    def save(self):
        state = {"seconds": self.budget.elapsed, "cpu_seconds": self.budget.cpu_seconds,
                 "step": self.budget.step}
        save_checkpoint(self.path, self.variables(), state)
        self.last = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self.last > self.every:
            self.save()

    def on_train_end(self, logs=None):
        self.save()


class Validation(keras.callbacks.Callback):
    """Rate and distortion of real rounding on validation crops, at a few qualities."""

    def __init__(self, crops, qualities, budget, path, every=600.0):
        super().__init__()
        self.crops, self.qualities, self.budget = crops, qualities, budget
        self.path, self.every, self.last = path, every, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        row = {"step": self.budget.step, "seconds": round(self.budget.elapsed, 1),
               "cpu_seconds": round(self.budget.cpu_seconds, 1),
               "loss": round(float(logs["loss"]), 4),
               "rate": float(self.model.optimizer.learning_rate)}
        if time.monotonic() - self.last > self.every or self.model.stop_training:
            self.last = time.monotonic()
            row["validation"] = self.measure()
        with open(self.path, "a") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)

    def measure(self):
        """[[quality, bpp, PSNR in dB], ...], means over the crops."""
        rows = []
        for quality in self.qualities:
            bpp, psnr = [], []
            for crop in self.crops:
                out = self.model((crop[None], np.array([quality], "float32")), training=False)
                bpp.append(float(out["bpp"][0]))
                psnr.append(10 * np.log10(255.0**2 / float(out["mse"][0])))
            rows.append([quality, round(np.mean(bpp), 4), round(np.mean(psnr), 3)])
        return rows
