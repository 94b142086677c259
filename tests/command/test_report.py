import csv
import json
import math

import numpy as np
import pytest

from alic_tf.command import report


def rows():
    large = report.Row("a", 200, 100, 2500, 0.5, 0.25, 30.0, 0.9, 10.0)
    small = report.Row("b", 10, 10, 50, 1.5, 0.75, 40.0, math.nan, math.nan)
    return [large, small]


def test_bits_per_pixel_come_from_the_file_size():
    assert [row.bpp for row in rows()] == [1.0, 4.0]


def test_averages_are_means_over_pictures_that_have_a_value():
    means = report.averages(rows())
    assert means == pytest.approx(
        {
            "psnr": 35,
            "ms_ssim": 0.9,
            "ms_ssim_db": 10,
            "bpp": 2.5,
            "encode_seconds": 1,
            "decode_seconds": 0.5,
        }
    )
    unmeasured = report.averages([report.Row("a", 1, 1, 1, 1.0)])
    assert unmeasured["psnr"] is None and unmeasured["bpp"] == 8


def test_closing_text_says_how_many_pictures_count():
    text = report.closing_text(rows())
    assert text.startswith("average of 2 pictures\n  RGB PSNR (dB) 35.000\n")
    assert "MS-SSIM       0.90000   (of 1: the others are too small)" in text
    assert "PSNR" not in report.closing_text([report.Row("a", 1, 1, 1, 1.0)])


def test_judge():
    image = np.full((180, 180, 3), 100, np.uint8)
    row = report.Row("a", 180, 180, 10, 0.1)
    row.judge(image, image + np.uint8(1))
    assert row.psnr == pytest.approx(48.13, abs=0.01)
    assert row.ms_ssim_db == pytest.approx(-10 * math.log10(1 - row.ms_ssim))


def test_files(tmp_path):
    report.write(tmp_path / "new", rows(), ["bad.png"], model="m", quality=2.0)
    content = json.loads((tmp_path / "new" / "report.json").read_text(), parse_constant=pytest.fail)
    assert content["average"]["psnr"] == 35 and content["failed"] == ["bad.png"]
    assert content["pictures"][1]["ms_ssim"] is None
    with (tmp_path / "new" / "report.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert [(row["name"], float(row["bpp"])) for row in table] == [("a", 1.0), ("b", 4.0)]
