"""The measurement of large pictures, on small ones."""

import re

import numpy as np
import pytest
from PIL import Image

from alic_tf import flags, zoo
from alic_tf.evaluation import large
from tests.tiny_models import tiny_dwan


def test_a_mosaic_has_all_photographs_and_no_gaps(monkeypatch):
    monkeypatch.setattr(large, "ROWS", (5, 9))
    photographs = [np.full((7, 9, 3), level, "uint8") for level in range(1, 9)]
    picture = large.mosaic(photographs, 40, 61)
    assert picture.shape == (40, 61, 3)
    assert set(np.unique(picture)) == set(range(1, 9))
    rows = {picture[top].tobytes() for top in (0, 20, 39)}
    assert len(rows) == 3


def test_crops_are_spread_from_corner_to_corner():
    picture = np.arange(12 * 20 * 3).reshape(12, 20, 3)
    first, middle, last = large.crops(picture, (4, 10), 3)
    np.testing.assert_array_equal(first, picture[:4, :10])
    np.testing.assert_array_equal(middle, picture[4:8, 5:15])
    np.testing.assert_array_equal(last, picture[8:, 10:])
    assert len(list(large.crops(picture, (12, 20), 3))) == 1


def test_shapes():
    assert large.shape(100) == (8192, 12224) and large.shape(1) == (832, 1216)


def test_a_line_per_size(tmp_path, capsys):
    zoo.export(tiny_dwan(), "tiny", tmp_path / "model.npz")
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), "uint8")
    (tmp_path / "data").mkdir()
    Image.fromarray(noise).save(tmp_path / "data" / "a.png")
    arguments = ["--model", str(tmp_path), "--megapixels", "0.02,0.05", "--runs", "2"]
    assert flags.main(large.run, ["", "--data", str(tmp_path / "data"), *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["192x128", "256x192"]
    assert lines[0].count("(1.00x)") == 4
    for line in lines:
        assert all(float(memory) > 50 for memory in re.findall(r"peak (\d+) MB", line))
        assert all(float(rate) > 0 for rate in re.findall(r"([\d.]+) (?:s/MP|bpp)", line))


@pytest.mark.parametrize("arguments, cause", [
    ([], "--data"), (["--data", "nowhere"], "--data"), (["--megapixels", "10,1"], "ascending"),
    (["--megapixels", "a"], "ascending"), (["--megapixels", "-1"], "ascending")])
def test_wrong_requests(capsys, arguments, cause):
    assert flags.main(large.run, ["", *arguments]) == 2
    assert cause in capsys.readouterr().err
