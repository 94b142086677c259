import json
import math

import keras
import numpy as np
import pytest

from alic_tf import errors
from alic_tf.training import run, trainer
from alic_tf.training.checkpoint import load_checkpoint, save_checkpoint
from alic_tf.training.data import CropSampler
from alic_tf.training.trainer import Checkpoint, PaperSchedule, Progress, Schedule, Validation
from tests.training import tiny

SAMPLER = CropSampler(tiny.photographs(), 64, 2, 2)


def prepared(**changes):
    keras.utils.set_random_seed(0)
    return run.compiled(tiny.packet_model(), tiny.SETTINGS | changes)


class StopAfter(keras.callbacks.Callback):
    """Ends a training from outside, as a kill does after a checkpoint."""

    def __init__(self, schedule, step):
        super().__init__()
        self.schedule, self.step = schedule, step

    def on_train_batch_end(self, batch, logs=None):
        if self.schedule.step == self.step:
            self.model.stop_training = True


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2, "ema": 0.9}])
def test_a_resumed_training_ends_with_the_same_bits(changes, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "STRETCH", 3)
    model, path = prepared(**changes), tmp_path / "last.npz"
    first = [np.array(v) for v in (*model.variables, *model.optimizer.variables)]

    def train(stop):
        """All variables after training up to step `stop` of 12, from where the file is."""
        schedule = Schedule(1e-3, steps=12)
        checkpoint = Checkpoint(path, None, schedule)
        checkpoint.restore(model)
        run.fit(model, SAMPLER, [schedule, checkpoint, StopAfter(schedule, stop)], schedule.step)
        assert schedule.step == stop
        return [np.array(v) for v in checkpoint.variables()]

    def set_all(values):
        for variable, value in zip((*model.variables, *model.optimizer.variables), values):
            variable.assign(value)

    straight = train(12)
    path.unlink()
    set_all(first)
    half = train(6)
    # A new process knows nothing: all that matters has to come from the checkpoint.
    set_all([value + np.ones_like(value) for value in half])
    resumed = train(12)
    differing = [
        v.path
        for v, a, b in zip((*model.variables, *model.optimizer.variables), straight, resumed)
        if not np.array_equal(a, b)
    ]
    assert differing == []
    assert not all(np.array_equal(a, b) for a, b in zip(straight, half))


def test_a_checkpoint_restores_variables_and_state_or_says_why_not(tmp_path):
    path = tmp_path / "last.npz"
    values = [np.arange(6, dtype="float32").reshape(2, 3), np.array([7, 8], "uint32")]
    save_checkpoint(path, [keras.Variable(v, dtype=v.dtype) for v in values], {"step": 5})
    variables = [keras.Variable(np.zeros_like(v), dtype=v.dtype) for v in values]
    assert load_checkpoint(path, variables) == {"step": 5}
    assert all(np.array_equal(a, b) for a, b in zip(variables, values))
    for wrong in (variables[:1], variables[::-1], [*variables, variables[0]]):
        with pytest.raises(errors.AlicError, match="of another model"):
            load_checkpoint(path, wrong)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(errors.AlicError, match="damaged"):
        load_checkpoint(path, variables)
    assert [p.name for p in tmp_path.iterdir()] == ["last.npz"]


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


def test_the_last_part_of_the_budget_counts_rounded_latents():
    schedule, model = Schedule(1e-4, steps=100, hard=0.2), Model()
    schedule.set_model(model)
    hard = {}
    for schedule.step in (0, 79, 80, 99):
        schedule.on_epoch_begin(0)
        hard[schedule.step] = model.hard
    assert hard == {0: False, 79: False, 80: True, 99: True}

    model, data = prepared(rate=1e-9), SAMPLER(0)
    noisy = [model.train_on_batch(data) for _ in range(2)]
    assert noisy[0] != noisy[1]
    model.harden()
    model.reset_metrics()
    loss = model.train_on_batch(data)
    np.testing.assert_allclose(loss, model.compute_loss(y_pred=model(data)), rtol=1e-4)


def test_the_best_checkpoint_stays_where_later_ones_are_worse(tmp_path):
    schedule = Schedule(1e-3, steps=100)
    path, best = tmp_path / "last.npz", tmp_path / "best.npz"
    model = prepared()
    checkpoint = Checkpoint(path, best, schedule)
    checkpoint.set_model(model)
    for schedule.step, loss in ((20, 3.0), (40, 2.0), (60, 2.5)):
        checkpoint.validated(loss)
        checkpoint.save()
    resumed = Checkpoint(path, best, Schedule(1e-3, steps=100))
    resumed.restore(model)
    resumed.validated(2.2)
    assert load_checkpoint(best, checkpoint.variables())["step"] == 40
    assert resumed.schedule.step == 60 and resumed.best == 2.0


def test_a_time_budget_ends_by_the_clock_also_when_resumed(monkeypatch):
    class Clock:
        now = 100.0
        monotonic = staticmethod(lambda: Clock.now)
        process_time = staticmethod(lambda: 2 * Clock.now)

    monkeypatch.setattr(trainer, "time", Clock)
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


def test_the_history_has_a_row_per_report_and_forgets_what_is_done_again(tmp_path, capsys):
    path, schedule, model = tmp_path / "history.jsonl", Schedule(1e-3, steps=100), Model()
    path.write_text('{"step": 20}\n{"step": 40}\n')
    schedule.step = 20
    progress = Progress(path, schedule, every=0)
    progress.set_model(model)
    progress.on_train_begin()
    schedule.step, schedule.elapsed = 60, 8.0
    progress.on_epoch_end(0, {"loss": 1.5})
    schedule.step = 80
    progress.on_epoch_end(0, {"loss": math.nan})
    rows = [json.loads(row) for row in path.read_text().splitlines()]
    assert [row["step"] for row in rows] == [20, 60, 80]
    assert [row["loss"] for row in rows[1:]] == [1.5, None]
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("step 60  5.00 steps/s  loss 1.5000") and line.endswith("h left")


def test_validation_measures_with_rounding(tmp_path):
    model = prepared()
    crops = np.stack([SAMPLER(step)[0][0] for step in range(3)])
    validation = Validation(crops, [1, 2], None, None)
    validation.set_model(model)
    rows, loss = validation.measure()
    assert (rows, loss) == validation.measure()  # no noise
    assert [row[0] for row in rows] == [1, 2]
    for quality, bpp, psnr in rows:
        out = model.model((crops / np.float32(255), np.full(3, quality, "float32")))
        error = np.mean((255 * np.array(out["image"]) - crops) ** 2, axis=(1, 2, 3))
        bits = np.array(out["bits"]) + np.array(out["hyper_bits"])
        expected = [np.mean(bits) / 64**2, np.mean(10 * np.log10(255**2 / error))]
        np.testing.assert_allclose([bpp, psnr], expected, rtol=1e-4)
