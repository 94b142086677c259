"""`python -m alic_tf.evaluation` in this process, and as users call it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import alic_tf
from alic_tf import zoo
from alic_tf.command import evaluate as command
from alic_tf.evaluation import results, runner
from alic_tf.evaluation.complexity import macs_per_pixel
from alic_tf.evaluation.learned import Learned
from alic_tf.networks.variables import named_variables
from alic_tf.pictures import images
from tests.tiny_models import tiny_dwan

ROOT = Path(__file__).parents[2]


def run(*arguments):
    """Runs the command as users do; returns the finished process."""
    return subprocess.run(
        [sys.executable, "-m", "alic_tf.evaluation", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture
def photos(tmp_path):
    demo = images.read(ROOT / "docs" / "images" / "demo.png")
    images.write(tmp_path / "photos" / "a.png", demo[:180, :190])
    return tmp_path / "photos"


def test_a_report_on_a_folder(photos, tmp_path):
    out = tmp_path / "out"
    codecs = ["--codecs", "jpeg,webp", "--anchors", "webp", "--pictures", 1]
    done = run("--data", photos, *codecs, "--out", out)
    assert done.returncode == 0 and done.stdout == f"{out}/report.html: jpeg, webp\n"
    assert "webp 1/1 a.png" in done.stderr and "Traceback" not in done.stderr
    names = {path.name for path in out.iterdir()}
    assert names == {
        "measurements", "jpeg.json", "webp.json", "report.md", "report.html", "rate_distortion.png",
        "pictures.html",
    }  # fmt: skip
    jpeg, _ = results.read(out)
    assert len(jpeg["averages"]) == len(jpeg["measurements"]) == 15 and jpeg["failed"] == []
    (photos / "b.png").write_bytes(b"no picture")
    done = run("--data", photos, "--codecs", "jpeg", "--out", out)
    assert done.returncode == 1 and "1 of 2 pictures failed" in done.stderr
    assert results.read(out)[0]["failed"] == ["b.png"]
    (photos / "a.png").unlink()
    done = run("--data", photos, "--codecs", "jpeg", "--out", tmp_path / "none")
    assert done.returncode == 1 and done.stderr.endswith("all pictures failed\n")


@pytest.mark.long
def test_an_interrupted_command_loses_and_repeats_nothing(photos, tmp_path):
    names = "bcdefghijkl"
    for name in names:
        shutil.copy(photos / "a.png", photos / f"{name}.png")
    out, log = tmp_path / "out", tmp_path / "out" / runner.LOGS / "webp.jsonl"
    command = [sys.executable, "-m", "alic_tf.evaluation", "--data", photos, "--codecs", "webp",
               "--jobs", "2", "--out", out]  # fmt: skip

    def lines():
        return log.read_text().splitlines() if log.exists() else []

    def interrupted(signal_number, whom):
        before = lines()
        process = subprocess.Popen(
            command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
            # Shells start what runs in the background with Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        while len(lines()) < len(before) + 5:
            assert process.poll() is None
            time.sleep(0.01)
        whom(process.pid, signal_number)
        # Not before the workers, which have it too, have ended is the pipe closed.
        said = process.communicate(timeout=60)[1]
        assert lines()[: len(before)] == before
        return process.returncode, said

    code, said = interrupted(signal.SIGINT, os.killpg)  # as Ctrl-C in a terminal
    assert code == 130 and said.endswith("interrupted\n") and "Traceback" not in said
    assert interrupted(signal.SIGKILL, os.kill)[0] == -signal.SIGKILL
    done = run(*command[3:])
    measured = [json.loads(line) for line in lines()]
    everything = 15 * (1 + len(names))
    assert done.returncode == 0 and len(measured) == everything
    assert len({(record["image"], record["setting"]) for record in measured}) == everything


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ([], "--data"),
        (["--data", "/nowhere"], "no such folder"),
        (["--data", "{empty}"], "no pictures"),
        (["--data", "{photos}", "--codecs", "jpeg,gif"], "unknown model 'gif'"),
        (["--data", "{photos}", "--codecs", "jpeg,jpeg"], "two codecs"),
        (["--data", "{photos}", "--codecs", "jpeg:3"], "jpeg has no efforts"),
        (["--data", "{photos}", "--codecs", "dwan:10"], "dwan has the efforts 0 to 9"),
        (["--data", "{photos}", "--codecs", ""], "at least one codec"),
        (["--data", "{photos}", "--codecs", "dwan", "--qualities", "9"], "qualities 1 to 8"),
        (["--data", "{photos}", "--codecs", "jpeg", "--qualities", "low"], "whole numbers"),
        (["--data", "{photos}", "--codecs", "jpeg", "--anchors", "VVC"], "no curve 'VVC'"),
        (["--data", "{photos}", "--jobs", "0"], "jobs"),
        (["--data", "{photos}", "--out", "/proc/x"], "cannot write here"),
        (["--data", "{photos}", "more"], "unexpected argument"),
    ],
)
def test_bad_requests_are_one_line(photos, tmp_path, capsys, arguments, cause):
    (tmp_path / "empty").mkdir()
    places = {"photos": photos, "empty": tmp_path / "empty"}
    arguments = ["--out", str(tmp_path / "out"), *(text.format(**places) for text in arguments)]
    assert command.flags.main(command.run, ["evaluation", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and cause in captured.err
    assert not (tmp_path / "out").exists()


def test_help_answers_before_anything_slow_is_imported():
    done = run("--help")
    assert done.returncode == 0 and "--qualities" in done.stdout
    imported = "import sys, alic_tf.evaluation.__main__; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", imported], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "False\n"


def test_a_learned_codec_is_that_of_the_zoo(tmp_path, photos):
    path = tmp_path / "tiny" / zoo.MODEL_FILE
    path.parent.mkdir()
    zoo.export(tiny_dwan(), "whatever", path)
    codec = Learned(str(path.parent), [2, 7, 99])
    assert (codec.name, codec.settings) == ("tiny", (2, 7))
    image = images.read(photos / "a.png")
    data = codec.load().encode(image, 7)
    reference = alic_tf.load(path)
    assert data == reference.encode(image, 7) and data != codec.encode(image, 2)
    assert np.array_equal(codec.decode(data), reference.decode(data))
    assert codec.costs() == {
        "parameters": sum(np.size(v) for v in named_variables(reference.model).values()),
        "model_bytes": path.stat().st_size,
        "macs_per_pixel": macs_per_pixel(reference.model),
    }
    assert reference.model_id.hex() in codec.identity
    searching = Learned(str(path.parent), [7], 1)
    assert searching.name == "tiny-effort1"
    assert searching.encode(image, 7) == reference.encode(image, 7, 1)
