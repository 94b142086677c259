"""Model files: what is written comes back, and damage is noticed."""

import json

import numpy as np
import pytest

from alic_tf import errors, npz, storage
from alic_tf.integer.stored import Declared

WEIGHTS = {"b/kernel": np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4),
           "a/0/bias": np.float16([2.5])}
SHAPES = {name: array.shape for name, array in WEIGHTS.items()}
CONFIGURATION = {"name": "tiny", "transform": {}, "entropy": {}, "lambdas": [0.1]}
EXACT = {"hyper_0/kernel": np.arange(6, dtype="int16"), "groups": np.array([4, 12], "int32")}


@pytest.fixture
def path(tmp_path):
    storage.save(tmp_path / "model.npz", CONFIGURATION, WEIGHTS, EXACT)
    return tmp_path / "model.npz"


def rewrite(path, **changes):
    """Changes members of a model file."""
    with np.load(path) as file:
        members = {**dict(file), **changes}
    np.savez(path, **members)


def test_what_is_saved_is_loaded(path):
    configuration, weights, exact = storage.load(path)
    assert configuration["name"] == "tiny" and configuration["lambdas"] == [0.1]
    assert configuration == storage.read_configuration(path)
    assert weights.keys() == WEIGHTS.keys()
    for name, weight in WEIGHTS.items():
        assert weights[name].dtype == weight.dtype
        np.testing.assert_array_equal(weights[name], weight)
    assert exact.keys() == EXACT.keys()
    for name, array in EXACT.items():
        np.testing.assert_array_equal(exact[name], array)
        assert exact[name].dtype == array.dtype


def test_more_than_ten_weights_of_format_1_keep_their_order(tmp_path):
    arrays = {f"weights/{i:04d}": np.float32([i]) for i in range(120)}
    configuration = {**CONFIGURATION, "format": 1, "id": storage.fingerprint(arrays).hex()}
    np.savez(tmp_path / "model.npz", configuration=json.dumps(configuration), **arrays)
    shapes = {f"layer_{i}": (1,) for i in range(120)}
    weights = storage.load(tmp_path / "model.npz", shapes)[1]
    assert {name: w.item() for name, w in weights.items()} == {f"layer_{i}": i for i in range(120)}
    with pytest.raises(errors.UnknownModel, match="is not a model file"):
        storage.load(tmp_path / "model.npz", dict(list(shapes.items())[1:]))


def test_id_follows_every_array_its_name_and_its_shape():
    arrays = {"a": np.zeros((2, 3), "int16"), "b": np.ones(4, "float16")}
    others = [{**arrays, "b": np.float16([1, 1, 1, 2])},
              {**arrays, "a": np.zeros((3, 2), "int16")},
              {**arrays, "a": np.zeros((2, 3), "uint16")},
              {"c": arrays["a"], "b": arrays["b"]}]
    ids = {storage.fingerprint(changed) for changed in (arrays, *others)}
    assert len(ids) == 5 and all(len(i) == 4 for i in ids)
    assert storage.fingerprint(dict(reversed(arrays.items()))) == storage.fingerprint(arrays)


@pytest.mark.parametrize("content", [
    b"", b"not a model", b"PK\x03\x04 not a zip file", b"\x93NUMPY\x01\x00", b"\x80\x04K\x01."])
def test_not_a_model_file(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    for read in (storage.read_configuration, storage.load):
        with pytest.raises(errors.UnknownModel, match="model.npz: is not a model file"):
            read(path)


def test_array_file_and_missing_file(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name in ("array.npy", "missing.npz", "."):
        with pytest.raises(errors.UnknownModel, match="is not a model file"):
            storage.load(tmp_path / name)


@pytest.mark.parametrize("configuration", ["not json", "[1, 2]", "3", '{"name": "tiny"}', "{}"])
def test_configuration_of_something_else(path, configuration):
    rewrite(path, configuration=configuration)
    with pytest.raises(errors.UnknownModel, match="is not a model file"):
        storage.load(path)


def test_later_version(path):
    configuration = {**storage.read_configuration(path), "format": storage.FORMAT + 1}
    rewrite(path, configuration=json.dumps(configuration))
    with pytest.raises(errors.UnknownModel, match="later version"):
        storage.load(path)


def test_array_of_another_name(path):
    rewrite(path, other=np.array([5, 12], "int32"))
    with pytest.raises(errors.UnknownModel, match="is not a model file"):
        storage.load(path)


def test_changed_array(path):
    rewrite(path, **{"exact/groups": np.array([5, 12], "int32")})
    with pytest.raises(errors.UnknownModel, match="damaged"):
        storage.load(path)


def test_nothing_is_inflated_of_what_the_configuration_does_not_explain(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    zeros = np.zeros(2**24, "float32")
    read, inflated = npz.read, []

    def watched(path, names):
        inflated.extend(names)
        return read(path, names)

    monkeypatch.setattr(npz, "read", watched)
    declared = {name: Declared(array.shape, array.dtype) for name, array in EXACT.items()}
    bombs = {**EXACT, "bomb": zeros.astype("int32")}
    large = {**EXACT, "groups": zeros.astype("int32")}
    endless = {**declared, "groups": Declared((None,), "int32")}
    for weights, exact, expected in (({"a": zeros}, EXACT, declared), (WEIGHTS, bombs, declared),
                                     (WEIGHTS, large, declared), (WEIGHTS, large, endless)):
        storage.save(path, CONFIGURATION, weights, exact)
        assert path.stat().st_size < 70_000
        with pytest.raises(errors.UnknownModel, match="bomb.npz: (is not a|holds no) model"):
            storage.load(path, SHAPES, expected)
    assert set(inflated) == {"configuration"}
    assert storage.load(path, None)[2]["groups"].size == zeros.size


def test_every_damage_is_an_unknown_model_or_harmless(path):
    """Bytes flipped and ends cut off, anywhere: no other error, no other arrays."""
    intact, expected = path.read_bytes(), storage.load(path)
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(300):
        damaged = bytearray(intact)
        if trial % 3:
            damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        else:
            del damaged[rng.integers(len(damaged)):]
        path.write_bytes(damaged)
        try:
            _, weights, exact = storage.load(path)
        except errors.UnknownModel as error:
            assert error.path == path
            refused += 1
            continue
        for name, array in weights.items():
            np.testing.assert_array_equal(array, expected[1][name])
        for name, array in exact.items():
            np.testing.assert_array_equal(array, expected[2][name])
    assert refused > 150
