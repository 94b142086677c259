"""A server's two interfaces, as the example client uses them, and requests to warm up with."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.serving import server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def client():
    """The example client as a module."""
    spec = importlib.util.spec_from_file_location("client", ROOT / "examples/serving/client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("interface", ["rest", "grpc"])
def test_the_client_and_a_server(served, client, interface, photograph, tmp_path, capsys):
    if interface == "grpc":
        pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    picture, coded, decoded = (tmp_path / name for name in ("a.png", "a.alic", "b.png"))
    image = photograph(40, 70)
    Image.fromarray(image).save(picture)
    with getattr(server, interface)(served.signatures, "tiny") as address:
        options = [f"--{interface}", address, "--model", "tiny"]
        client.main(["encode", str(picture), str(coded), "--quality", "3", *options])
        client.main(["decode", str(coded), str(decoded), *options])
        client.main(["info", str(coded), *options])
        assert coded.read_bytes() == served.codec.encode(image, 3)
        np.testing.assert_array_equal(
            np.asarray(Image.open(decoded)), served.codec.decode(coded.read_bytes()))
        assert "height 40" in capsys.readouterr().out
        coded.write_bytes(coded.read_bytes()[:-1])
        with pytest.raises(SystemExit, match="error: truncated: [0-9]+ of [0-9]+ bytes"):
            client.main(["decode", str(coded), str(decoded), *options])
        if interface == "rest":
            with pytest.raises(SystemExit, match="error: .*nonsense"):
                client.main(["decode", str(coded), str(decoded), *options, "--model", "nonsense"])


def test_rows_and_columns(served, photograph):
    data = served.codec.encode(photograph(17, 33))
    value = {"b64": server.base64.b64encode(data).decode()}
    rows = server.predict(served.signatures, json.dumps(
        {"signature_name": "info", "instances": [{"alic_bytes": value}] * 2}))
    columns = server.predict(served.signatures, json.dumps(
        {"signature_name": "info", "inputs": {"alic_bytes": [value] * 2}}))
    assert [row["height"] for row in rows["predictions"]] == [17, 17]
    assert columns["outputs"]["width"] == [33, 33]
    # One input needs no name.
    decode = {"signature_name": "decode"}
    rows = server.predict(served.signatures, json.dumps({**decode, "instances": [value]}))
    columns = server.predict(served.signatures, json.dumps({**decode, "inputs": [value]}))
    row, = rows["predictions"]
    assert row == {name: column for name, (column,) in columns["outputs"].items()}
    assert row["error"] == "" and row.keys() == {"png_bytes", "error"}


def test_warm_up_requests(served):
    apis = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2",
                               reason="tensorflow-serving-api is not installed")
    path = served.path / "assets.extra" / "tf_serving_warmup_requests"
    signatures = []
    for record in tf.data.TFRecordDataset(str(path)):
        request = apis.PredictionLog.FromString(record.numpy()).predict_log.request
        name = request.model_spec.signature_name
        signatures.append(name)
        outputs = served.signatures[name](**{
            key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()})
        assert outputs["error"].numpy().tolist() == [b""]
    assert signatures == ["decode", "encode", "info"]
