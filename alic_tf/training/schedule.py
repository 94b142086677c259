"""Learning rate, filter weight and end of a training."""

import math
import time

import keras

# Steps per Keras epoch. What a callback sets on the model, it sets between epochs, since on the JAX
# backend the model's variables are out of reach within one; so the learning rate has steps, too.
STRETCH = 20
FILTER_WEIGHT = 0.1
# Steps with the filter loss where the length of the training is open.
FILTER_STEPS = 2000
# Steps from the lowest rate of a cycle to the highest.
HALF_CYCLE = 2000


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
        ending: last steps or seconds of the budget, in which a `StableSchedule` decays.

    Attributes:
        step: steps done.
        elapsed, cpu_seconds: time spent on them, validation included.
    """

    def __init__(self, rate, steps=None, seconds=None, warmup=200, hard=0.0, ending=0.0):
        super().__init__()
        self.rate, self.steps, self.seconds, self.hard = rate, steps, seconds, hard
        self.ending = ending
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
        """Goes on from a `state`.

        Raises:
            ValueError: it is none.
        """
        try:
            self.step, self.elapsed = int(state["step"]), float(state["seconds"])
            self.cpu_seconds = float(state["cpu_seconds"])
            if not (self.step >= 0 and self.elapsed >= 0 and self.cpu_seconds >= 0):
                raise ValueError("negative")
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise ValueError("no state of a schedule") from error

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


class CyclicSchedule(Schedule):
    """From a tenth of `rate` to `rate` and back, again and again (Smith, arXiv 1506.01186)."""

    def decay(self):
        place = self.step / HALF_CYCLE % 2
        return 0.1 + 0.9 * (1 - abs(place - 1))


class StableSchedule(Schedule):
    """Warm-up, then `rate` until the ending, in which it falls to zero as 1 - sqrt(time).

    The length can be left open and decided at any time: everything before the ending is of use for
    a longer training, too (Haegele et al., arXiv 2405.18392).
    """

    def decay(self):
        left = self.steps - self.step if self.steps else self.seconds - self.elapsed
        if left >= self.ending:
            return 1.0
        return 1 - math.sqrt(1 - max(left, 0) / self.ending)

    def filter_weight(self):
        return FILTER_WEIGHT * (self.step < FILTER_STEPS)


SCHEDULES = {"budget": Schedule, "paper": PaperSchedule, "cyclic": CyclicSchedule,
             "stable": StableSchedule}
