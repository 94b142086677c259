"""The training loop's callbacks: schedules, checkpoints, progress and validation."""

import json
import math
import time

import keras
import numpy as np

from alic_tf.training.checkpoint import load_checkpoint, save_checkpoint

# Steps per Keras epoch. What a callback sets on the model, it sets between epochs, since on the JAX
# backend the model's variables are out of reach within one; so the learning rate has steps, too.
STRETCH = 20
FILTER_WEIGHT = 0.1


class Schedule(keras.callbacks.Callback):
    """Learning rate, filter weight and end of a training within a budget of steps or seconds.

    Warm-up over the first steps, then a cosine from `rate` to zero at the end of the budget. The
    weight of the filter loss is 0.1 for a tenth of it, then 0. Under a budget of steps all of it
    depends on the step alone.

    Args:
        rate: highest learning rate.
        steps, seconds: the budget, one of them.
        warmup: steps of warm-up, at most a tenth of a budget of steps.
        hard: last part of the budget, 0..1, in which the rate is that of the rounded latents.

    Attributes:
        step: steps done.
        elapsed, cpu_seconds: time spent on them, validation included.
    """

    def __init__(self, rate, steps=None, seconds=None, warmup=200, hard=0.0):
        super().__init__()
        self.rate, self.steps, self.seconds, self.hard = rate, steps, seconds, hard
        self.warmup = min(warmup, steps // 10) if steps else warmup
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

    def decay(self):
        """Factor of the learning rate, apart from warm-up."""
        return 0.5 * (1 + math.cos(math.pi * self.progress))

    def filter_weight(self):
        return FILTER_WEIGHT * (self.progress < 0.1)

    def on_epoch_begin(self, epoch, logs=None):
        warm = min((self.step + 1) / max(self.warmup, 1), 1.0)
        self.model.optimizer.learning_rate = self.rate * warm * self.decay()
        self.model.filter_weight.assign(self.filter_weight())
        if self.progress >= 1 - self.hard and not self.model.hard:
            self.model.harden()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        clock = time.monotonic(), time.process_time()
        self.elapsed += clock[0] - self.clock[0]
        self.cpu_seconds += clock[1] - self.clock[1]
        self.clock = clock
        if self.progress >= 1:
            self.model.stop_training = True


class PaperSchedule(Schedule):
    """The schedule of Fu et al., section IV-A: halved from step 750,000 on, lambda_1 = 1 first."""

    def decay(self):
        return 0.5 ** max(0, (self.step - 650_000) // 100_000)

    def filter_weight(self):
        return float(self.step < 20_000)


SCHEDULES = {"budget": Schedule, "paper": PaperSchedule}


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

    def restore(self, model):
        """Brings model and schedule to the state of the file, if there is one."""
        self.set_model(model)
        if self.path.exists():
            state = load_checkpoint(self.path, self.variables())
            self.schedule.restore(state)
            self.best = state.get("best", math.inf)

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
        # By way of numpy, which also reads the variables of tf.distribute.
        rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        skipped = int(keras.ops.convert_to_numpy(optimizer.skipped))
        loss = float(np.mean(self.losses))
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

    Where the optimizer keeps averages of the weights, these are validated.

    Args:
        crops: uint8 [n, h, w, 3].
        qualities: list of qualities.
        progress: the `Progress` whose history takes the rows.
        checkpoint: the `Checkpoint` that keeps the best.
        every: seconds.
    """

    def __init__(self, crops, qualities, progress, checkpoint, every=900.0):
        super().__init__()
        self.crops, self.qualities = crops, qualities
        self.progress, self.checkpoint = progress, checkpoint
        self.every, self.last = every, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() - self.last >= self.every or self.model.stop_training:
            with self.model.optimizer.averages():
                rows, loss = self.measure()
            self.progress.write(validation=rows, validation_loss=loss)
            self.checkpoint.validated(loss)
            text = ", ".join(f"{psnr:.2f} dB at {bpp:.3f} bpp" for _, bpp, psnr in rows)
            print(f"validation: {text}", flush=True)
            self.last = time.monotonic()

    def measure(self):
        """([[quality, bits per pixel, PSNR in dB], ...], mean of lambda D + R), over the crops."""
        rows, losses = [], []
        for quality in self.qualities:
            qualities = np.full(len(self.crops), quality, "float32")
            out = self.model.predict((self.crops, qualities), batch_size=4, verbose=0)
            psnr = 10 * np.log10(255.0**2 / out["mse"])
            rows.append([quality, float(np.mean(out["bpp"])), float(np.mean(psnr))])
            losses.append(np.exp(out["log_lambda"]) * out["distortion"] + out["bpp"])
        return rows, float(np.mean(losses))
