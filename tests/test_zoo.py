"""Model files by name, path and id."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from alic_tf import errors, storage, zoo
from alic_tf.bitstream import container
from alic_tf.networks import presets, to_integer
from alic_tf.networks.variables import named_variables
from tests.tiny_models import tiny_dwan, tiny_qae
from tests.training import tiny

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


@pytest.mark.parametrize("wanted", ["three", "", "one/nothing", "/", "long" * 99])
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
    before = [np.asarray(variable).copy() for variable in named_variables(model).values()]
    zoo.export(model, "tiny", tmp_path / "model.npz", precision="float32")
    for a, b in zip(named_variables(zoo.load(tmp_path).model).values(), before, strict=True):
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
    expected = named_variables(model)
    for name, variable in named_variables(codec.model).items():
        np.testing.assert_array_equal(variable, expected[name])
        assert "seed" not in variable.path
    expected = to_integer.exact_model(codec.model).arrays()
    for name, array in codec.exact.arrays().items():
        np.testing.assert_array_equal(array, expected[name])
    # The same model, exported again, has the same id.
    zoo.export(codec.model, "other name", tmp_path / "again.npz")
    assert zoo.load(tmp_path / "again.npz").model_id == codec.model_id


def test_weights_of_equal_shape_are_told_apart(tmp_path):
    """By their names: in whatever order they are in the file, or in the model."""
    model = tiny_dwan(seed=5)
    zoo.export(model, "tiny", tmp_path / "model.npz")
    configuration, weights, exact = storage.load(tmp_path / "model.npz")
    assert weights.keys() == named_variables(model).keys()
    storage.save(tmp_path / "model.npz", configuration, dict(reversed(weights.items())), exact)
    for name, variable in named_variables(zoo.load(tmp_path).model).items():
        np.testing.assert_array_equal(variable, weights[name])
        assert name.startswith(("transform/", "entropy/"))


def test_files_of_format_1_have_weights_in_their_order(tmp_path):
    model = tiny_dwan(seed=5)
    zoo.export(model, "tiny", tmp_path / "model.npz")
    configuration, weights, exact = storage.load(tmp_path / "model.npz")
    arrays = {f"weights/{i:04d}": weights[name] for i, name in enumerate(named_variables(model))}
    arrays |= {f"exact/{name}": array for name, array in exact.items()}
    configuration |= {"format": 1, "id": storage.fingerprint(arrays).hex()}
    np.savez(tmp_path / "model.npz", configuration=json.dumps(configuration), **arrays)
    for name, variable in named_variables(zoo.load(tmp_path).model).items():
        np.testing.assert_array_equal(variable, weights[name])


def test_weights_that_do_not_fit_the_configuration(tmp_path):
    model = tiny_dwan()
    zoo.export(model, "tiny", tmp_path / "model.npz")
    configuration, weights, exact = storage.load(tmp_path / "model.npz")
    last = list(weights)[-1]
    for changed in (dict(list(weights.items())[:-1]), {**weights, "more": weights[last]},
                    {name: w[..., :1] for name, w in weights.items()},
                    {name + "_": w for name, w in weights.items()}):
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


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Path of the file of the model that is quickest to build."""
    path = tmp_path_factory.mktemp("bare") / zoo.MODEL_FILE
    zoo.export(presets.build("fu2022", tiny.BARE), "bare", path)
    return path


@pytest.fixture
def settings_of_keras():
    """Settings as they were, afterwards; and no graphs, which take longer than what they do."""
    tf.config.run_functions_eagerly(True)
    yield keras.config
    tf.config.run_functions_eagerly(False)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("policy", ["float64", "mixed_float16", "int8_from_float32"])
def test_settings_of_keras_change_nothing(bare, settings_of_keras, policy):
    """The same bytes, pixels and bits, whether they were set before or after a model was loaded."""
    before = zoo.load(bare)
    data = before.encode(IMAGE)
    pixels, bits = before.decode(data), before.estimate(data)
    settings_of_keras.set_floatx("float64")
    settings_of_keras.set_dtype_policy(policy)
    for codec in (before, zoo.load(bare)):
        assert codec.encode(IMAGE) == data and codec.estimate(data) == bits
        np.testing.assert_array_equal(codec.decode(data), pixels)
    assert settings_of_keras.dtype_policy().name == policy
    assert settings_of_keras.floatx() == "float64"


@pytest.mark.parametrize(("name", "change"), [
    ("prior/rows", lambda rows: rows[::-1]),  # not what a range coder takes
    ("prior/rows", lambda rows: rows[:-1]),
    ("prior/medians", lambda medians: medians[1:]),
    ("tables/cdf", lambda cdf: cdf[:, ::-1]),
    ("tables/thresholds", lambda thresholds: thresholds + 2),
    ("hyper_1/exponent", lambda exponent: exponent + 1000),
    ("hyper_1/upsample", lambda upsample: upsample - 2),
    ("hyper_0/activation", lambda activation: activation + 50),
    ("context/kernel", lambda kernel: kernel[..., :1]),
    ("kind", lambda kind: kind + 1),
])  # fmt: skip
def test_integers_that_no_model_has(bare, tmp_path, name, change):
    configuration, weights, exact = storage.load(bare)
    exact[name] = np.asarray(change(exact[name]))
    path = tmp_path / zoo.MODEL_FILE
    storage.save(path, configuration, weights, exact)
    with pytest.raises(errors.UnknownModel, match="holds no model that this program can build"):
        zoo.load(path)


@pytest.mark.parametrize("changes", [
    {"transform": {"kind": "convolutional", "filters": 10**6}},
    {"transform": {"kind": "convolutional", "filters": -8}},
    {"transform": {"kind": "convolutional", "filters": True}},
    {"transform": {"kind": ["packet"], "latents": 2.5}},
    {"entropy": {"context": "masked", "mixture": {}}},
    {"entropy": {"prior": 5}},
    {"lambdas": [0.1] * 33},
    {"lambdas": ["high"]},
    {"lambdas": [float("nan")]},
    {"reach": [64, 4, 4]},
    {"reach": {"analysis": [64], "hyper_latent": [4]}},
    {"reach": {"analysis": [64], "hyper_latent": [4], "synthesis": []}},
    {"reach": {"analysis": [64], "hyper_latent": [4], "synthesis": [True]}},
    {"reach": {"analysis": [10**9], "hyper_latent": [4], "synthesis": [4]}},
    {"reach": {"analysis": [65], "hyper_latent": [4], "synthesis": [4]}},
])
def test_configurations_that_no_model_has(bare, tmp_path, changes):
    configuration, weights, exact = storage.load(bare)
    storage.save(tmp_path / "m.npz", {**configuration, **changes}, weights, exact)
    with pytest.raises(errors.UnknownModel, match="m.npz: holds no model that this program"):
        zoo.load(tmp_path / "m.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_weights_that_are_no_numbers(bare, tmp_path, value):
    configuration, weights, exact = storage.load(bare)
    first = next(iter(weights))
    weights[first] = np.full(weights[first].shape, value)
    storage.save(tmp_path / "m.npz", configuration, weights, exact)
    with pytest.raises(errors.UnknownModel, match="m.npz: has weights that are no numbers"):
        zoo.load(tmp_path / "m.npz")
