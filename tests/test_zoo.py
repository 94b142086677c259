"""Model files by name, path and id."""

import numpy as np
import pytest

from alic_tf import container, conversion, errors, storage, zoo
from tests.tiny_models import tiny_dwan, tiny_qae

IMAGE = np.random.default_rng(0).integers(0, 256, (30, 50, 3), "uint8")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder of two shipped models that differ in one weight."""
    folder = tmp_path_factory.mktemp("saved_models")
    model = tiny_dwan()
    for name in ("one", "two"):
        (folder / name).mkdir()
        zoo.export(model, name, folder / name / zoo.MODEL_FILE, {"steps": 7})
        bias = model.transform.synthesis.head.bias
        changed = np.asarray(bias).copy()
        changed[0] += 1
        bias.assign(changed)
    return folder


@pytest.fixture
def zoo_of_two(shipped, monkeypatch):
    monkeypatch.setattr(zoo, "SHIPPED", shipped)


def test_names_and_paths(zoo_of_two, shipped):
    assert zoo.names() == ["one", "two"]
    file = shipped / "two" / zoo.MODEL_FILE
    for wanted in ("two", str(file), file, shipped / "two"):
        assert zoo.find(wanted) == file


@pytest.mark.parametrize("wanted", ["three", "", "one/nothing", "/"])
def test_unknown_names_list_the_known_ones(zoo_of_two, wanted):
    with pytest.raises(errors.UnknownModel, match="one, two"):
        zoo.find(wanted)


def test_ids_differ_when_a_weight_differs(zoo_of_two, shipped):
    ids = {storage.read_configuration(zoo.find(name))["id"] for name in zoo.names()}
    assert len(ids) == 2


def test_loading_by_id(zoo_of_two):
    for name in zoo.names():
        codec = zoo.load(name)
        data = codec.encode(IMAGE, 3)
        again = zoo.load_by_id(container.unpack(data)[0].model_id)
        assert again.name == name and again.model_id == codec.model_id
        np.testing.assert_array_equal(again.decode(data), codec.decode(data))
        assert zoo.describe(codec.model_id)["name"] == name
    with pytest.raises(errors.UnknownModel, match="00000000.*one, two"):
        zoo.load_by_id(bytes(4))


def test_weights_in_full_precision(tmp_path):
    model = tiny_dwan(seed=5)
    before = [np.asarray(variable).copy() for variable in zoo.stored_variables(model)]
    zoo.export(model, "tiny", tmp_path / "model.npz", precision="float32")
    for a, b in zip(zoo.stored_variables(zoo.load(tmp_path).model), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_beyond_half_precision_stay(tmp_path):
    model = tiny_qae()
    variance = model.transform.encoder.stem.normalization.moving_variance
    variance.assign([1e5, 3.0])
    zoo.export(model, "tiny", tmp_path / "model.npz")
    again = zoo.load(tmp_path).model.transform.encoder.stem.normalization
    np.testing.assert_array_equal(again.moving_variance, [1e5, 3.0])


def test_the_file_holds_the_model(tmp_path):
    """Weights in half precision, notes, and an integer model that is that of these weights."""
    model = tiny_dwan(seed=5)
    exact = np.asarray(model.transform.synthesis.head.kernel)
    zoo.export(model, "tiny", tmp_path / "model.npz", {"steps": 7})
    kernel = np.asarray(model.transform.synthesis.head.kernel)
    np.testing.assert_array_equal(kernel, exact.astype("float16").astype("float32"))
    codec = zoo.load(tmp_path)
    assert codec.name == "tiny" and codec.qualities == 8
    assert storage.read_configuration(tmp_path / "model.npz")["steps"] == 7
    for a, b in zip(zoo.stored_variables(codec.model), zoo.stored_variables(model), strict=True):
        np.testing.assert_array_equal(a, b)
        assert "seed" not in a.path
    expected = conversion.exact_model(codec.model).arrays()
    for name, array in codec.exact.arrays().items():
        np.testing.assert_array_equal(array, expected[name])
    # The same model, exported again, has the same id.
    zoo.export(codec.model, "other name", tmp_path / "again.npz")
    assert zoo.load(tmp_path / "again.npz").model_id == codec.model_id


def test_weights_that_do_not_fit_the_configuration(tmp_path):
    model = tiny_dwan()
    zoo.export(model, "tiny", tmp_path / "model.npz")
    configuration, weights, exact = storage.load(tmp_path / "model.npz")
    for changed in (weights[:-1], [w[..., :1] for w in weights]):
        storage.save(tmp_path / "model.npz", configuration, changed, exact)
        with pytest.raises(errors.UnknownModel):
            zoo.load(tmp_path)
    storage.save(tmp_path / "model.npz", {**configuration, "transform": {}}, weights, exact)
    with pytest.raises(errors.UnknownModel):
        zoo.load(tmp_path)
    del exact["groups"]
    storage.save(tmp_path / "model.npz", configuration, weights, exact)
    with pytest.raises(errors.UnknownModel):
        zoo.load(tmp_path)
