import json
from dataclasses import replace

import keras
import numpy as np
import pytest

import alic_tf
from alic_tf import errors, zoo
from alic_tf.training import run
from alic_tf.training.configuration import configuration
from alic_tf.training.folder import RunFolder
from alic_tf.training.schedule import Schedule
from alic_tf.training.settings import Settings
from alic_tf.training.trainer import Checkpoint
from tests import tiny_models
from tests.training import tiny
from tests.training.test_tensorboard import events


@pytest.fixture
def double_precision():
    """What a user may have set for his own models."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def test_a_run_leaves_a_folder_and_a_model_that_codes(tmp_path, double_precision):
    data = tiny.write_photographs(tmp_path / "data")
    folder = RunFolder(tmp_path / "run")
    settings = replace(tiny.SETTINGS, data=str(data), validation=str(data),
                       precision="mixed_bfloat16", ema=0.9)
    run.train(folder, settings, export=tmp_path / "tiny", tensorboard=True)
    assert keras.config.dtype_policy().name == keras.config.floatx() == "float64"
    rows = [json.loads(row) for row in folder.history.read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 3]
    assert rows[0]["loss"] > 0 and rows[0]["bpp"] > 0 and rows[0]["distortion"] > 0
    assert rows[0]["steps_per_second"] > 0 and rows[0]["input_share"] > 0
    assert [row[0] for row in rows[1]["validation"]] == [1, 2]
    assert folder.best.exists() and rows[1]["validation_loss"] > 0
    shown = {(tag, step): value for tag, step, value in events(folder.events)}
    assert shown["loss", 3] == pytest.approx(rows[0]["loss"])
    assert shown["validation", 3][0].shape == (64, 3 * 64, 3)
    lines = folder.log.read_text().splitlines()
    assert len(lines) == 5 and lines[-1].endswith("bytes") and "3 photographs" in lines[0]

    codec = alic_tf.load(tmp_path / "tiny")
    assert codec.name == "tiny"
    photograph = tiny.photographs()[0]
    encoded, latents = codec.encode_with_latents(photograph, 2)
    assert all(np.array_equal(codec.latents(encoded)[name], latents[name]) for name in latents)
    decoded = codec.decode(encoded).astype("float64")
    assert decoded.shape == photograph.shape
    # Even untrained it is a transform codec.
    assert 10 * np.log10(255**2 / np.mean((decoded - photograph) ** 2)) > 20


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_best_weights_are_exported_or_the_last(ema, tmp_path):
    """Of a run that has ended, whose best validation was at step 1."""
    settings = replace(tiny.SETTINGS, data=str(tmp_path), ema=ema)
    model, folder = tiny.packet_model(), RunFolder(tmp_path / "run")
    training_model = run.compiled(model, settings)
    checkpoint = Checkpoint(folder.checkpoint, folder.best, Schedule(1e-3, steps=3))
    checkpoint.set_model(training_model)
    variables, optimizer = model.trainable_variables, training_model.optimizer
    exported = optimizer._model_variables_moving_average if ema else variables
    values = {}
    for step, best in ((1, True), (3, False)):
        for variable in (*variables, *exported):
            variable.assign(np.random.default_rng(step).normal(size=variable.shape))
        values[best] = [np.asarray(variable).copy() for variable in exported]
        for variable in variables if ema else ():
            variable.assign(0 * variable)
        checkpoint.schedule.step = step
        checkpoint.validated(2.0 + step)
    checkpoint.save()
    folder.write_settings(replace(settings, configuration=configuration("dwan", tiny.PACKET)))
    for best in (True, False):
        read = Settings.stored(folder)
        run.train(folder, read, resume=True, export=tmp_path / f"best {best}", best=best)
        model, notes, _ = zoo.load_model(tmp_path / f"best {best}" / "model.npz")
        assert notes["training"]["done"]["step"] == (1 if best else 3)
        for variable, value in zip(model.trainable_variables, values[best], strict=True):
            np.testing.assert_array_equal(variable, value.astype("float16"))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"patch": 128}, "none of 3 pictures has sides of at least 128"),
        ({"set": {"transform.gamma": 0.1}}, "no such switch"),
        ({"validation": "empty"}, "holds no pictures"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(tmp_path, changes, cause):
    data = tiny.write_photographs(tmp_path / "data")
    (tmp_path / "empty").mkdir()
    if "validation" in changes:
        changes = {"validation": str(tmp_path / "empty")}
    with pytest.raises(errors.AlicError, match=cause):
        run.train(RunFolder(tmp_path / "run"), replace(tiny.SETTINGS, data=str(data), **changes))
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_the_perceptual_term_is_used_or_said_to_be_off(tmp_path):
    data = tiny.write_photographs(tmp_path / "data")
    weights = tmp_path / "features.npz"
    np.savez(weights, kernel_0=np.ones((1, 1, 3, 2)), bias_0=np.zeros(2))
    distortions = {}
    for path, said in ((None, "perceptual term: off (no --perceptual)"),
                       (str(weights), f"perceptual term: 1000.0 times that of {weights}")):
        folder = RunFolder(tmp_path / f"run {path is None}")
        run.train(folder, replace(tiny.SETTINGS, data=str(data), perceptual=path,
                                  perceptual_weight=1000.0))
        assert f"distortion: mse; {said}" in folder.log.read_text()
        row = json.loads(folder.history.read_text().splitlines()[-1])
        distortions[path] = row["distortion"]
    assert distortions[str(weights)] > distortions[None] + 10
    with pytest.raises(errors.UsageError, match="perceptual weights"):
        run.train(folder, replace(tiny.SETTINGS, data=str(data), perceptual=__file__))


def test_validation_crops_are_central_and_equal(tmp_path):
    tiny.write_photographs(tmp_path, count=2, height=300, width=400)
    crops = run.validation_crops(tmp_path, 64)
    assert crops.shape == (2, 256, 256, 3)
    original = tiny.photographs(2, 300, 400)[0]
    np.testing.assert_array_equal(crops[0], original[22:278, 72:328])


def test_a_run_starts_with_the_weights_of_a_model_file(tmp_path, monkeypatch):
    data = tiny.write_photographs(tmp_path / "data")
    old, file = tiny_models.tiny_dwan(), str(tmp_path / "small" / "model.npz")
    zoo.export(old, "small", file)
    monkeypatch.setattr(run, "fit", lambda *arguments: None)
    settings = replace(tiny.SETTINGS, data=str(data), model="small", start=file)
    changes = {"transform.synthesis_units": [2]}
    new = run.train(RunFolder(tmp_path / "run"), replace(settings, set=changes)).model
    assert new.transform.synthesis.units == (2,)
    for stage in (new.transform.analysis.stages[0], new.transform.synthesis.stages[0]):
        stored = getattr(old.transform, stage.path.split("/")[-2]).stages[0]
        np.testing.assert_array_equal(stage.first[0].kernel, stored.first[0].kernel)
    changes = {"transform.filters": 16}
    with pytest.raises(errors.UsageError, match="model.npz: its weights do not fit the switches"):
        run.train(RunFolder(tmp_path / "other"), replace(settings, set=changes))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("request_", [{"tensorboard": True}, {"export": "model"}])
def test_what_needs_tensorflow_says_so_where_it_is_not(request_, tmp_path, monkeypatch):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None)
    cause = f"--{next(iter(request_))} needs TensorFlow"
    with pytest.raises(errors.UsageError, match=cause):
        run.train(RunFolder(tmp_path / "run"), tiny.SETTINGS, **request_)
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_statistics_of_normalization_are_trained_and_exported(tmp_path):
    """Of batch normalisation: also with averaged weights and accumulated gradients."""
    settings = replace(
        tiny.SETTINGS, model="qae", set=tiny_models.TINY_QAE, ema=0.9, accumulate=2, steps=4,
        data=str(tiny.write_photographs(tmp_path / "data")),
    )  # fmt: skip
    model = run.train(RunFolder(tmp_path / "run"), settings, export=tmp_path / "tiny").model
    codec = alic_tf.load(tmp_path / "tiny")
    layers = [m.transform.encoder.stem.normalization for m in (model, codec.model)]
    trained, exported = ([np.asarray(v) for v in (layer.moving_mean, layer.moving_variance)]
                         for layer in layers)
    # Of pictures from 0 to 255: four steps of a tenth each towards what is far from 0 and 1.
    assert np.abs(trained[0]).max() > 0.01 and np.abs(trained[1] - 1).max() > 1
    for a, b in zip(trained, exported):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
    photograph = tiny.photographs()[0]
    data, latents = codec.encode_with_latents(photograph)
    np.testing.assert_array_equal(codec.latents(data)["latent"], latents["latent"])
    assert codec.decode(data).shape == photograph.shape


def test_pretrained_weights_are_for_transforms_that_take_them(tmp_path):
    settings = replace(
        tiny.SETTINGS, data=str(tiny.write_photographs(tmp_path / "data")), pretrained=__file__)
    for changes, cause in (({}, "--pretrained goes with transforms of the kind quantized"),
                           ({"model": "qae", "set": tiny_models.TINY_QAE}, "width 64 and blocks")):
        with pytest.raises(errors.UsageError, match=cause):
            run.train(RunFolder(tmp_path / "run"), replace(settings, **changes))
    assert not (tmp_path / "run").exists()
