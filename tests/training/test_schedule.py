import math

import keras
import numpy as np
import pytest

from alic_tf.training import schedule as module
from alic_tf.training.schedule import (
    CyclicSchedule,
    PaperSchedule,
    Schedule,
    StableSchedule,
)


class Model:
    """What a callback sees of a model."""

    def __init__(self):
        self.optimizer = keras.optimizers.SGD()
        self.optimizer.skipped = 0
        self.filter_weight = keras.Variable(9.0)
        self.stop_training = False
        self.hard = False

    def harden(self):
        self.hard = True


def test_a_step_budget_warms_up_and_falls_to_zero():
    schedule, model = Schedule(1e-2, steps=1000), Model()
    schedule.set_model(model)
    schedule.on_train_begin()
    rates, weights = [], []
    while not model.stop_training:
        schedule.on_epoch_begin(0)
        rates.append(float(model.optimizer.learning_rate))
        weights.append(float(model.filter_weight))
        schedule.on_train_batch_end(0)
    steps = np.arange(1000)
    cosine = 0.5 * (1 + np.cos(math.pi * steps / 1000))
    warm = np.minimum((steps + 1) / 100, 1)
    np.testing.assert_allclose(rates, 1e-2 * warm * cosine, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(weights, np.where(steps < 100, 0.1, 0), rtol=1e-6)


def test_the_papers_schedule_halves_the_rate_late():
    schedule, model = PaperSchedule(1e-4, steps=1_500_000, warmup=0), Model()
    schedule.set_model(model)
    steps = [0, 19_999, 20_000, 749_999, 750_000, 849_999, 850_000, 1_499_999]
    factors = []
    for schedule.step in steps:
        schedule.on_epoch_begin(0)
        factors.append((float(model.optimizer.learning_rate) / 1e-4, float(model.filter_weight)))
    weights = [1, 1, 0, 0, 0, 0, 0, 0]
    halvings = [0, 0, 0, 0, 1, 1, 2, 8]
    expected = [(0.5**n, weight) for n, weight in zip(halvings, weights)]
    np.testing.assert_allclose(factors, expected, rtol=1e-6)


def test_the_cyclic_schedule_rises_and_falls():
    schedule, model = CyclicSchedule(1e-4, steps=10_000, warmup=0), Model()
    schedule.set_model(model)
    rates = []
    for schedule.step in (0, 500, 2000, 3000, 4000, 6000, 7000):
        schedule.on_epoch_begin(0)
        rates.append(float(model.optimizer.learning_rate))
    expected = [1e-5, 3.25e-5, 1e-4, 5.5e-5, 1e-5, 1e-4, 5.5e-5]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize("budget", [{"steps": 10_000}, {"seconds": 10_000}])
def test_the_stable_schedule_falls_at_its_end_alone(budget):
    schedule, model = StableSchedule(1e-2, warmup=100, ending=1000, **budget), Model()
    schedule.set_model(model)
    rates, weights = [], []
    for done in (0, 99, 1999, 2000, 9000, 9250, 9640, 9990, 10_000):
        schedule.step = schedule.elapsed = done
        schedule.on_epoch_begin(0)
        rates.append(float(model.optimizer.learning_rate) / 1e-2)
        weights.append(float(model.filter_weight))
    expected = [0.01, 1, 1, 1, 1, 1 - math.sqrt(0.25), 0.2, 1 - math.sqrt(0.99), 0]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(weights, [0.1] * 3 + [0] * 6, rtol=1e-6)
    without = StableSchedule(1.0, **budget)
    without.step = without.elapsed = 10_000
    assert without.decay() == 1


def test_the_last_part_of_the_budget_counts_rounded_latents():
    schedule, model = Schedule(1e-4, steps=100, hard=0.2), Model()
    schedule.set_model(model)
    hard = {}
    for schedule.step in (0, 79, 80, 99):
        schedule.on_epoch_begin(0)
        hard[schedule.step] = model.hard
    assert hard == {0: False, 79: False, 80: True, 99: True}


def test_a_time_budget_ends_by_the_clock_also_when_resumed(monkeypatch):
    class Clock:
        now = 100.0
        monotonic = staticmethod(lambda: Clock.now)
        process_time = staticmethod(lambda: 2 * Clock.now)

    monkeypatch.setattr(module, "time", Clock)
    state = None
    for pause in (4, 6):
        schedule, model = Schedule(1.0, seconds=50), Model()
        if state:
            schedule.restore(state)
        schedule.set_model(model)
        schedule.on_train_begin()
        for _ in range(pause):
            assert not model.stop_training
            schedule.on_epoch_begin(0)
            Clock.now += 5
            schedule.on_train_batch_end(0)
        state = schedule.state()
        Clock.now += 1000  # between the runs
    assert model.stop_training
    assert state == {"step": 10, "seconds": 50, "cpu_seconds": 100}
