"""Real files in worker processes: measurements, resuming, failures."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from alic_tf import errors, metrics
from alic_tf.evaluation import log, runner
from alic_tf.evaluation.baselines import CODECS
from alic_tf.pictures import images

WEBP = dataclasses.replace(CODECS["webp"], settings=(5, 50))
JPEG = dataclasses.replace(CODECS["jpeg"], settings=(10,))


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(0)
    demo = images.read(Path(__file__).parents[2] / "docs" / "images" / "demo.png")
    for name in ("a.png", "b.png"):
        y, x = rng.integers(0, 100, 2)
        images.write(tmp_path / "in" / name, demo[y : y + 180, x : x + 190])
    return sorted((tmp_path / "in").iterdir())


def lines(tmp_path, codec):
    return (tmp_path / "out" / runner.LOGS / f"{codec}.jsonl").read_text().splitlines()


def test_measurements_are_those_of_the_files(paths, tmp_path):
    measured, failed = runner.run([WEBP, JPEG], paths, tmp_path / "out", jobs=2)
    assert not failed and [len(measured[name]) for name in ("webp", "jpeg")] == [4, 2]
    for codec in (WEBP, JPEG):
        for record in measured[codec.name]:
            image = images.read(tmp_path / "in" / record["image"])
            data = codec.encode(image, record["setting"])
            decoded = codec.decode(data)
            assert record["bytes"] == len(data)
            assert record["bpp"] == 8 * len(data) / (180 * 190)
            assert (record["width"], record["height"]) == (190, 180)
            for metric in ("psnr", "ssim", "ms_ssim"):
                assert record[metric] == getattr(metrics, metric)(image, decoded)
            assert record["encode_seconds"] > 0 and record["decode_seconds"] > 0
    order = [(record["setting"], record["image"]) for record in measured["webp"]]
    assert order == [(5, "a.png"), (5, "b.png"), (50, "a.png"), (50, "b.png")]


def test_an_interrupted_run_goes_on_where_it_stopped(paths, tmp_path, capsys):
    first, _ = runner.run([WEBP], paths, tmp_path / "out")
    whole = lines(tmp_path, "webp")
    # As if killed while the last line was written.
    path = tmp_path / "out" / runner.LOGS / "webp.jsonl"
    path.write_text("\n".join(whole[:3]) + "\n" + whole[3][:20])
    second, _ = runner.run([WEBP], paths, tmp_path / "out")
    after = lines(tmp_path, "webp")
    assert after[:3] == whole[:3] and len(after) == 5
    assert [r["bytes"] for r in second["webp"]] == [r["bytes"] for r in first["webp"]]
    assert [json.loads(line)["setting"] for line in (after[4], whole[3])] == [50, 50]
    capsys.readouterr()
    assert runner.run([WEBP], paths, tmp_path / "out")[0] == second
    assert lines(tmp_path, "webp") == after
    assert "all 2 measured before" in capsys.readouterr().err


def test_other_pictures_and_versions_are_measured_anew(paths, tmp_path):
    runner.run([JPEG], paths, tmp_path / "out")
    images.write(paths[0], 255 - images.read(paths[0]))
    measured, _ = runner.run([JPEG], paths, tmp_path / "out")
    assert len(lines(tmp_path, "jpeg")) == 3 and len(measured["jpeg"]) == 2
    changed = dataclasses.replace(JPEG, options={"subsampling": "4:4:4"})
    runner.run([changed], paths, tmp_path / "out")
    assert len(lines(tmp_path, "jpeg")) == 5


def test_a_picture_that_fails_is_reported_once_and_the_rest_goes_on(paths, tmp_path, capsys):
    bad = tmp_path / "in" / "bad.png"
    bad.write_bytes(b"no picture")
    long = tmp_path / "in" / "long.png"  # beyond what WebP can hold
    images.write(long, np.zeros((1, 16384, 3), np.uint8))
    measured, failed = runner.run([WEBP, JPEG], [bad, long, *paths], tmp_path / "out")
    assert failed == {"bad.png", "long.png"}
    assert {r["image"] for r in measured["webp"]} == {"a.png", "b.png"}
    assert {r["image"] for r in measured["jpeg"]} == {"a.png", "b.png", "long.png"}
    assert [r["ms_ssim"] for r in measured["jpeg"] if r["image"] == "long.png"] == [None]
    reported = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert len(reported) == 2
    assert reported[0] == f"error: {bad}: not an image that can be read"
    assert reported[1].startswith(f"error: {long}: webp cannot encode it")


class DyingCodec:
    """Ends its process, as the kernel does when memory runs out."""

    name, identity, settings = "dying", "dying", (1,)

    def __reduce__(self):
        return os._exit, (9,)


def test_a_dying_process_is_an_error_of_ours(paths, tmp_path):
    with pytest.raises(errors.AlicError, match="goes on where it stopped"):
        runner.run([DyingCodec()], paths, tmp_path / "out")


def test_log_lines_are_whole(tmp_path):
    path = tmp_path / "new" / "x.jsonl"
    assert log.read(path) == []
    log.append(path, {"a": 1})
    with path.open("a") as stream:
        stream.write('{"a": 2')
    assert log.read(path) == [{"a": 1}]
    log.append(path, {"a": 3})
    assert log.read(path) == [{"a": 1}, {"a": 3}]
