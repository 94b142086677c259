"""The command as its users start it: flags, speed of answers, a run from start to export."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training import tiny

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, str(ROOT / "train_tf.py")]
DATA = str(ROOT / "docs")


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=300)


def test_help_names_the_flags():
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    names = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  --")]
    expected = (
        "model start set data validation minutes steps batch patch accumulate schedule rate warmup "
        "hard ema metric balance precision seed out "
        "resume export overwrite distribute log_seconds save_minutes validate_minutes help"
    )
    assert " ".join(names) == " ".join(f"--{name}" for name in expected.split())
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.fixture
def old_run(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"data": "gone", "validation": None}))
    return str(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ([], "give --data, a folder of pictures"),
        (["--data", "missing"], "missing: no such folder"),
        (["--data", DATA, "--validation", "missing"], "missing: no such folder"),
        (["--data", DATA, "more"], "unexpected argument 'more'"),
        (["--data", DATA, "--minutes", "1", "--steps", "1"], "one of --minutes and --steps"),
        (["--data", DATA, "--minutes", "0"], "--minutes must be more than 0"),
        (["--data", DATA, "--rate", "nan"], "--rate must be a number"),
        (["--data", DATA, "--batch", "0"], "--batch"),
        (["--data", DATA, "--start", "m", "--model", "dwan"], "one of --model and --start"),
        (["--data", DATA, "--patch", "100"], "--patch must be a multiple of 64"),
        (["--data", DATA, "--precision", "half"], "one of ('float32', 'mixed_bfloat16')"),
        (["--data", DATA, "--metric", "ssim"], "one of ('mse', 'ms-ssim')"),
        (["--data", DATA, "--metric", "ms-ssim"], "needs crops of 176 pixels: give --patch 192"),
        (["--data", DATA, "--schedule", "linear"], "one of ('budget', 'paper')"),
        (["--data", DATA, "--distribute"], "--distribute needs --steps"),
        (["--data", DATA, "--hard", "2"], "--hard must be a part"),
        (["--data", DATA, "--ema", "1"], "--ema must be less than 1"),
        (["--data", DATA, "--set", "lambdas"], "--set lambdas: give PATH=VALUE"),
        (["--data", DATA, "--set", "lambdas=[0.1"], "neither JSON nor a word"),
        (["--data", DATA, "--out", str(ROOT / "LICENSE")], "is not a folder"),
        (["--data", DATA, "--out", "/proc/run"], "/proc/run: cannot write here"),
        (["--data", DATA, "--out", "OLD"], "holds a run; give --resume"),
        (["--resume", "--out", "/missing"], "/missing: holds no run to resume"),
        (["--resume", "--out", "OLD"], "gone: no such folder"),
        (["--resume", "--out", "OLD", "--batch", "4"], "--batch does not go with --resume"),
    ],
)
def test_usage_errors_are_one_line_and_come_without_keras(arguments, cause, old_run, capsys):
    program = (
        "import sys, train_tf; code = train_tf.main(['train_tf.py', *sys.argv[1:]]); "
        "sys.exit(code if not {'keras', 'tensorflow'} & set(sys.modules) else 99)"
    )
    arguments = [old_run if argument == "OLD" else argument for argument in arguments]
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (2, "")
    assert cause in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--help"], ["--data", "missing"], ["--patch", "1"]])
def test_answers_take_less_than_half_a_second(arguments):
    def seconds():
        """Processor time of the command: unlike the clock, it does not depend on other jobs."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.5


def test_unknown_models_are_answered_with_those_there_are(tmp_path):
    result = run("--data", DATA, "--out", str(tmp_path / "run"), "--model", "dwam")
    assert (result.returncode, result.stdout) == (2, "")
    assert "'dwan'" in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_starts_resumes_and_exports(tmp_path):
    data, out, model = tiny.write_photographs(tmp_path / "data"), tmp_path / "run", tmp_path / "m"
    changes = [f"--set={path}={json.dumps(value)}" for path, value in tiny.PACKET.items()]
    settings = [*changes, "--batch=2", "--patch=64", "--seed=5", "--out", str(out)]
    result = run("--data", str(data), "--steps=2", *settings)
    assert (result.returncode, result.stderr) == (0, "")
    assert "step 2 " in result.stdout
    first = np.load(out / "last.npz")

    result = run("--resume", "--steps=4", "--out", str(out), "--export", str(model))
    assert (result.returncode, result.stderr) == (0, "")
    assert "from step 2" in result.stdout and "step 4 " in result.stdout
    last = np.load(out / "last.npz")
    assert json.loads(str(last["state"]))["step"] == 4
    assert not np.array_equal(first["v5"], last["v5"])
    rows = [json.loads(row) for row in (out / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]

    from alic_tf import storage

    notes = storage.read_configuration(model / "model.npz")
    assert notes["name"] == "m" and notes["training"]["done"]["step"] == 4
    assert notes["training"]["seed"] == 5 and notes["training"]["data"] == "data"

    result = run("--resume", "--out", str(out), "--export", str(model))
    assert result.returncode == 2 and "exists; give --overwrite" in result.stderr
