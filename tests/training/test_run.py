import json

import keras
import numpy as np
import pytest

import alic_tf
from alic_tf import errors
from alic_tf.models.initialization import initialize
from alic_tf.training import run
from alic_tf.training.folder import RunFolder
from tests.training import tiny

SETTINGS = tiny.SETTINGS | {
    "model": "dwan", "start": None, "set": tiny.PACKET, "validation": None,
}  # fmt: skip


@pytest.mark.parametrize("make", [tiny.packet_model, tiny.convolutional_model])
def test_the_loss_falls(make):
    keras.utils.set_random_seed(0)
    model = make()
    crops = np.stack([photograph[:64, :64] for photograph in tiny.photographs(2)])
    if make is tiny.packet_model:
        initialize(model.transform, crops)
    quality = np.array([1, model.qualities], "float32")
    training_model = run.compiled(model, tiny.SETTINGS | {"rate": 3e-3})
    losses = [training_model.train_on_batch((crops, quality)) for _ in range(25)]
    # Each value is the mean of all so far.
    assert np.isfinite(losses).all() and losses[-1] < losses[4] < losses[0]
    assert 25 * losses[-1] - 20 * losses[19] < 0.8 * 5 * losses[0]
    assert int(training_model.optimizer.skipped) == 0


def test_a_run_leaves_a_folder_and_a_model_that_codes(tmp_path):
    data = tiny.write_photographs(tmp_path / "data")
    folder = RunFolder(tmp_path / "run")
    settings = SETTINGS | {"data": str(data), "validation": str(data), "precision":
                           "mixed_bfloat16", "ema": 0.9}
    run.train(folder, settings, export=tmp_path / "tiny")
    assert keras.config.dtype_policy().name == "float32"
    rows = [json.loads(row) for row in folder.history.read_text().splitlines()]
    assert [row["step"] for row in rows] == [3, 3]
    assert [row[0] for row in rows[1]["validation"]] == [1, 2]
    assert folder.best.exists() and rows[1]["validation_loss"] > 0

    codec = alic_tf.load(tmp_path / "tiny")
    assert codec.name == "tiny"
    photograph = tiny.photographs()[0]
    encoded, latents = codec.encode_with_latents(photograph, 2)
    assert all(np.array_equal(codec.latents(encoded)[name], latents[name]) for name in latents)
    decoded = codec.decode(encoded).astype("float64")
    assert decoded.shape == photograph.shape
    # Even untrained it is a transform codec.
    assert 10 * np.log10(255**2 / np.mean((decoded - photograph) ** 2)) > 20


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"patch": 128}, "none of 3 pictures has sides of at least 128"),
        ({"set": {"transform.pqf": False}}, "no such switch"),
        ({"validation": "empty"}, "holds no pictures"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(tmp_path, changes, cause):
    data = tiny.write_photographs(tmp_path / "data")
    (tmp_path / "empty").mkdir()
    if "validation" in changes:
        changes = {"validation": str(tmp_path / "empty")}
    with pytest.raises(errors.AlicError, match=cause):
        run.train(RunFolder(tmp_path / "run"), SETTINGS | {"data": str(data)} | changes)
    assert not (tmp_path / "run").exists()


def test_validation_crops_are_central_and_equal(tmp_path):
    tiny.write_photographs(tmp_path, count=2, height=300, width=400)
    crops = run.validation_crops(tmp_path)
    assert crops.shape == (2, 256, 256, 3)
    original = tiny.photographs(2, 300, 400)[0]
    np.testing.assert_array_equal(crops[0], original[22:278, 72:328])


def test_a_run_starts_with_the_weights_of_a_model_file(tmp_path):
    data = tiny.write_photographs(tmp_path / "data")
    settings = SETTINGS | {"data": str(data), "steps": 1, "rate": 1e-9}
    first = run.train(RunFolder(tmp_path / "1"), settings, export=tmp_path / "m").model
    file = str(tmp_path / "m" / "model.npz")
    start = settings | {"model": "m", "start": file, "set": {}, "seed": 9}
    second = run.train(RunFolder(tmp_path / "2"), start).model
    assert second.get_config()["lambdas"] == first.get_config()["lambdas"]
    for a, b in zip(first.trainable_variables, second.trainable_variables, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)
    # Other lambdas may fit the same weights, another width does not.
    changes = {"lambdas": [0.1, 0.2]}
    third = run.train(RunFolder(tmp_path / "3"), start | {"set": changes}).model
    assert third.lambdas == (0.1, 0.2)
    with pytest.raises(errors.UsageError, match="model.npz: its weights do not fit the switches"):
        run.train(RunFolder(tmp_path / "4"), start | {"set": {"transform.filters": 16}})
