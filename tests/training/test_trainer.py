import json
import math
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from alic_tf import errors
from alic_tf.training import run
from alic_tf.training.checkpoint import load_checkpoint, save_checkpoint
from alic_tf.training.data import CropSampler
from alic_tf.training.folder import RunFolder
from alic_tf.training.log import RunLog
from alic_tf.training.schedule import Schedule
from alic_tf.training.trainer import Checkpoint, Progress, Validation
from tests.training import tiny

SAMPLER = CropSampler(tiny.photographs(), 64, 2, 2)


def prepared(**changes):
    keras.utils.set_random_seed(0)
    return run.compiled(tiny.packet_model(), replace(tiny.SETTINGS, **changes))


class StopAfter(keras.callbacks.Callback):
    """Ends a training from outside, as a kill does after a checkpoint."""

    def __init__(self, schedule, step):
        super().__init__()
        self.schedule, self.step = schedule, step

    def on_train_batch_end(self, batch, logs=None):
        if self.schedule.step == self.step:
            self.model.stop_training = True


def test_a_resumed_training_ends_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "STRETCH", 3)
    model, path = prepared(accumulate=2, ema=0.9), tmp_path / "last.npz"
    first = [np.asarray(v).copy() for v in (*model.variables, *model.optimizer.variables)]

    def train(stop):
        """All variables after training up to step `stop` of 12, from where the file is."""
        schedule = Schedule(1e-3, steps=12)
        checkpoint = Checkpoint(path, None, schedule)
        checkpoint.restore(model)
        run.fit(model, SAMPLER, [schedule, checkpoint, StopAfter(schedule, stop)], schedule.step)
        assert schedule.step == stop
        return [np.asarray(v).copy() for v in checkpoint.variables()]

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


def test_progress_is_told_by_its_means_and_speeds(tmp_path, capsys):
    schedule, model = Schedule(1e-3, steps=100), SimpleNamespace(stop_training=False)
    model.optimizer = SimpleNamespace(learning_rate=np.float32(0.5), skipped=np.int32(3))
    log, sampler = RunLog(RunFolder(tmp_path), schedule), SimpleNamespace(seconds=7.0)
    progress = Progress(log, schedule, sampler, every=0)
    progress.set_model(model)
    schedule.step, schedule.elapsed = 20, 2.0
    progress.on_train_begin()
    schedule.step, schedule.elapsed, sampler.seconds = 60, 10.0, 7.4
    progress.on_epoch_end(0, {"loss": 1.5, "bpp": 0.25, "distortion": 40.0})
    schedule.step = 80
    progress.on_epoch_end(0, {"loss": math.nan, "bpp": 0.5, "distortion": math.inf})
    rows = [json.loads(row) for row in log.folder.history.read_text().splitlines()]
    expected = {
        "step": 60, "seconds": 10.0, "loss": 1.5, "bpp": 0.25, "distortion": 40.0, "skipped": 3,
        "learning_rate": 0.5, "steps_per_second": 5.0, "input_share": 0.05,
    }  # fmt: skip
    assert rows[0] == expected | {"cpu_seconds": 0.0}
    assert [rows[1][name] for name in ("loss", "bpp", "distortion")] == [None, 0.5, None]
    line = capsys.readouterr().out.splitlines()[0]
    assert line == ("step 60  5.00 steps/s  input 5.0 %  loss 1.5000  rate 5.00e-01  0:00 h left  "
                    "3 skipped")


def test_validation_measures_averaged_weights_with_rounding(tmp_path):
    model, schedule = prepared(ema=0.9), Schedule(1e-3, steps=100)
    own = [np.asarray(v).copy() for v in model.trainable_variables]
    for average, value in zip(model.optimizer._model_variables_moving_average, own, strict=True):
        average.assign(1.05 * value)
    crops = np.stack([SAMPLER(step)[0][0] for step in range(3)])
    log, best = RunLog(RunFolder(tmp_path), schedule), []
    checkpoint = SimpleNamespace(validated=best.append)
    validation = Validation(crops, [1, 2], log, checkpoint, every=0)
    validation.set_model(model)
    for _ in range(2):  # no noise
        validation.on_epoch_end(0)
    first, second = [json.loads(row) for row in log.folder.history.read_text().splitlines()]
    assert first == second and best == 2 * [first["validation_loss"]]
    assert all(np.array_equal(v, value) for v, value in zip(model.trainable_variables, own))

    model.optimizer._assign([1.05 * value for value in own])
    rows, loss, pictures = validation.measure()
    assert rows == first["validation"] and loss == first["validation_loss"]
    assert [row[0] for row in rows] == [1, 2] and pictures.shape == (3, 64, 3 * 64, 3)
    np.testing.assert_array_equal(pictures[:, :, :64], crops)
    for i, (quality, bpp, psnr) in enumerate(rows):
        out = model.model((crops / np.float32(255), np.full(3, quality, "float32")))
        image = 255 * np.array(out["image"])
        error = np.mean((image - crops) ** 2, axis=(1, 2, 3))
        bits = np.array(out["bits"]) + np.array(out["hyper_bits"])
        expected = [np.mean(bits) / 64**2, np.mean(10 * np.log10(255**2 / error))]
        np.testing.assert_allclose([bpp, psnr], expected, rtol=1e-4)
        shown = pictures[:, :, 64 * (i + 1) : 64 * (i + 2)]
        assert np.abs(shown - np.clip(image, 0, 255)).max() < 0.51
