"""The pipelines of examples/beam, on the embedded runner."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

from alic_tf import errors, metrics, zoo
from tests.conformance import vectors
from tests.training import tiny

pytest.importorskip("apache_beam", reason="pip install apache-beam, of 390 MB, to test pipelines")

from examples.beam import __main__ as program
from examples.beam import pipelines


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Path of a tiny model."""
    path = tmp_path_factory.mktemp("model") / "parallel.npz"
    vectors.unpack_model("parallel", path)
    return path


@pytest.fixture
def pictures(tmp_path):
    """Folder of three pictures, of which one is damaged, and a pattern of the paths of all."""
    folder = tmp_path / "pictures"
    (folder / "within").mkdir(parents=True)
    for name, pixels in zip(("a.png", "within/a.png", "b, c.png"), tiny.photographs(3, 48, 80)):
        Image.fromarray(pixels).save(folder / name)
    damaged = folder / "b, c.png"
    damaged.write_bytes(damaged.read_bytes()[:-99])
    return folder, f"{folder}/**.png"


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def rows(out):
    """Of all shards, by picture and quality."""
    found = sum(map(table, out.glob("pictures-*.csv")), [])
    return {(row["picture"], float(row["quality"])): row for row in found}


def test_encode(model, pictures, tmp_path, capsys):
    folder, pattern = pictures
    out = tmp_path / "out"
    words = ["beam", "encode", pattern, "--out", str(out), "--model", str(model), "--quality", "2"]
    assert program.run(words) == 1
    assert capsys.readouterr().out == f"{out}: 2 pictures, 1 failed\n"
    found = rows(out)
    assert found.keys() == {("a.png", 2), ("within/a.png", 2)}
    codec = zoo.load(model)
    for name, quality in found:
        expected = codec.encode(Image.open(folder / name), quality)
        assert (out / f"{name}.alic").read_bytes() == expected
        assert int(found[name, quality]["bytes"]) == len(expected)
    failure, = table(out / "failures.csv")
    assert failure["picture"] == "b, c.png" and "damaged image" in failure["error"]
    mean, = table(out / "means.csv")
    assert float(mean["bytes"]) == np.mean([int(row["bytes"]) for row in found.values()])
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == [
        "a.png.alic", "a.png.alic", "failures.csv", "means.csv", "pictures-00000-of-00001.csv"]
    with pytest.raises(errors.UsageError, match="exists; give another --out"):
        program.run(words)


def test_evaluate(model, pictures, tmp_path):
    folder, pattern = pictures
    out = tmp_path / "out"
    assert program.run(["beam", "evaluate", pattern, "--out", str(out), "--model", str(model),
                        "--quality", "1", "4"]) == 1
    found = rows(out)
    assert len(found) == 4 and len(table(out / "failures.csv")) == 1
    codec = zoo.load(model)
    for (name, quality), row in found.items():
        image = np.asarray(Image.open(folder / name))
        data = codec.encode(image, quality)
        assert float(row["psnr"]) == metrics.psnr(image, codec.decode(data))
        assert float(row["bpp"]) == 8 * len(data) / (image.size / 3)
        assert row["ms_ssim"] == ""  # of pictures so small
    means = {float(row["quality"]): row for row in table(out / "means.csv")}
    assert means.keys() == {1, 4} and means[1]["ms_ssim"] == ""
    for quality, mean in means.items():
        for column in ("psnr", "bpp", "encode_seconds"):
            values = [float(row[column]) for (_, q), row in found.items() if q == quality]
            assert math.isclose(float(mean[column]), sum(values) / 2)


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.png.alic"
    path.write_bytes(b"of an earlier attempt")
    monkeypatch.setattr(pipelines.FileSystems, "rename", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipelines.write_alic(({"picture": "a.png"}, b"new"), tmp_path)
    assert path.read_bytes() == b"of an earlier attempt"


@pytest.mark.parametrize("words, cause", [
    (["encode", "nowhere/**.png"], "no such files"),
    (["encode", "README.md", "--quality", "1", "2"], "one quality"),
    (["evaluate", "README.md", "--quality", "9"], "--quality must be from 1 to 8"),
    (["evaluate", "README.md", "--model", "nonsense"], "unknown model 'nonsense'"),
])  # fmt: skip
def test_requests_that_are_refused(words, cause, tmp_path):
    with pytest.raises(errors.UsageError, match=cause):
        program.run(["beam", *words, "--out", str(tmp_path / "out")])
