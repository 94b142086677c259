"""A server's two interfaces, as the examples use them, and requests to warm up with."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from examples.serving import client, smoke
from tests.serving import server

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("interface", ["rest", "grpc"])
def test_the_client_and_a_server(served, interface, photograph, tmp_path, capsys):
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


@pytest.fixture(scope="module")
def words(served, photograph, tmp_path_factory):
    """Arguments of the smoke script, the last one the address of a server."""
    picture = tmp_path_factory.mktemp("picture") / "a.png"
    Image.fromarray(photograph(40, 70)).save(picture)
    _, (model,) = served.codec.origin
    with server.rest(served.signatures, "tiny") as address:
        yield [str(picture), "--model", "tiny", "--local", str(model), "--rest", address]


def test_the_smoke_script_and_a_good_server(words, capsys):
    assert smoke.main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: as on the command line"
        for name in ("encode", "decode", "info", "a damaged file")]


def test_the_smoke_script_and_a_bad_server(words, monkeypatch, capsys):
    predict = smoke.predict_rest

    def altered(*request):
        outputs = predict(*request)
        return {**outputs, "alic_bytes": outputs.get("alic_bytes", b"")[:-1], "width": 71,
                "error": outputs["error"] and "it is bad"}

    monkeypatch.setattr(smoke, "predict_rest", altered)
    assert smoke.main(words) == 1
    encode, decode, info, damaged = capsys.readouterr().out.splitlines()
    assert encode.startswith("encode: ") and " bytes instead of " in encode
    assert decode == "decode: as on the command line"
    assert "'width': 71" in info and "'width': 70" in info
    assert damaged.startswith("a damaged file: 'it is bad' instead of 'checksum mismatch")


def test_the_smoke_script_waits_no_longer_than_it_is_told(words):
    with pytest.raises(SystemExit, match="error: .*/v1/models/other: HTTP Error 404"):
        smoke.main([*words, "--model", "other", "--wait", "0"])


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
@pytest.mark.parametrize("model, code", [("tiny", 0), ("other", 1)])
def test_the_health_check(words, model, code):
    port = words[-1].rpartition(":")[-1]
    script = ROOT / "examples/serving/healthy.sh"
    done = subprocess.run(["bash", script, "localhost", port, model], timeout=60)
    assert done.returncode == code
