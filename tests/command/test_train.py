"""The command as its users start it: flags, speed of answers, a run from start to export."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from alic_tf import errors, storage
from alic_tf.command import train
from tests.training import tiny

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "train_tf.py")]
DATA = str(ROOT / "docs")


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=300)


def test_help_names_the_flags():
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    names = re.findall(r"^  (?:-h, )?--(\w+)", result.stdout, re.MULTILINE)
    expected = (
        "model start set pretrained data validation minutes steps batch patch accumulate schedule "
        "decay optimizer rate warmup hard ema metric perceptual perceptual_weight balance "
        "precision seed config out resume export best overwrite distribute tensorboard "
        "log_seconds save_minutes validate_minutes help"
    )
    assert names == expected.split()
    assert max(map(len, result.stdout.splitlines())) <= 100


CASES = [
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
    (["--data", DATA, "--metric", "ssim"], "one of ('mse', 'ms-ssim', 'mae+ms-ssim')"),
    (["--data", DATA, "--metric", "ms-ssim"], "needs crops of 176 pixels: give --patch 192"),
    (["--data", DATA, "--schedule", "linear"], "one of ('budget', 'stable', 'paper', 'cyclic')"),
    (["--data", DATA, "--optimizer", "sgd"], "--optimizer must be one of ('adam', 'muon')"),
    (["--data", DATA, "--decay", "5"], "--decay goes with --schedule stable, not budget"),
    (["--resume", "--out", "OLD", "--decay", "5"], "--decay goes with --schedule stable"),
    (["--data", DATA, "--perceptual", "missing"], "missing: no such file"),
    (["--data", DATA, "--pretrained", "missing"], "missing: no such file"),
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
    (["--data", DATA, "--best"], "--best goes with --export"),
    (["--data", DATA, "--best", "--export", "m"], "--best needs a run with --validation"),
    (["--config", "missing"], "missing: no such file"),
    (["--config", "TEXT"], "text.json: holds no JSON object of settings"),
    (["--config", "UNKNOWN"], "unknown.json: unknown setting 'bach'; there are: configuration, mo"),
    (["--config", "HALF"], "one of ('float32', 'mixed_bfloat16')"),
    (["--config", "HALF", "--precision=float32", "--batch=0"], "--batch"),
    (["--resume", "--out", "OLD", "--config", "HALF"], "--config does not go with --resume"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """(exit code, standard output, errors) of each of `CASES`, and which of TensorFlow and Keras
    were imported by then."""
    folder = tmp_path_factory.mktemp("old run")
    (folder / "config.json").write_text(json.dumps({"data": "gone", "validation": None}))
    (folder / "text.json").write_text("[1")
    (folder / "unknown.json").write_text(json.dumps({"bach": 8}))
    (folder / "half.json").write_text(json.dumps({"data": DATA, "precision": "half"}))
    places = {name.upper(): str(folder / f"{name}.json") for name in ("text", "unknown", "half")}
    places["OLD"] = str(folder)
    program = """
import contextlib, io, json, sys
from alic_tf.command import train
answers = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            code = train.main(["train_tf.py", *arguments])
    answers.append((code, out.getvalue(), errors.getvalue()))
print(json.dumps((answers, sorted({"keras", "tensorflow"} & set(sys.modules)))))
"""
    requests = [[places.get(word, word) for word in arguments] for arguments, _ in CASES]
    result = subprocess.run(
        [sys.executable, "-c", program, json.dumps(requests)], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    return json.loads(result.stdout)


@pytest.mark.parametrize("case", range(len(CASES)), ids=[cause for _, cause in CASES])
def test_usage_errors_are_one_line(case, answers):
    code, output, error = answers[0][case]
    assert (code, output) == (2, "")
    assert CASES[case][1] in error
    assert error.startswith("error: ") and error.count("\n") == 1


def test_usage_errors_come_without_keras(answers):
    assert answers[1] == []


@pytest.mark.parametrize("arguments", [["--help"], ["--data", "missing"], ["--patch", "1"]])
def test_answers_take_less_than_half_a_second(arguments):
    def seconds():
        """Processor time of the command: unlike the clock, it does not depend on other jobs."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Again where the machine is busy, which costs processor time, too.
    assert any(seconds() < 0.5 for _ in range(10))


def test_unknown_models_are_answered_with_those_there_are(tmp_path, capfd):
    out = tmp_path / "run"
    assert train.main(["train_tf.py", "--data", DATA, "--out", str(out), "--model=dwam"]) == 2
    output, error = capfd.readouterr()
    assert output == "" and "'dwan'" in error and error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(("arguments", "expected"), [
    ([], ("muon", 3e-3)),
    (["--start", "dwan"], ("adam", 1e-3)),
    (["--start", "dwan", "--optimizer", "muon"], ("muon", 3e-3)),
    (["--schedule", "paper"], ("adam", 1e-4)),
    (["--optimizer", "adam", "--rate", "0.1"], ("adam", 0.1)),
])  # fmt: skip
def test_muon_is_the_default_from_scratch(arguments, expected, monkeypatch, tmp_path):
    taken = []
    monkeypatch.setattr("alic_tf.training.run.train", lambda *given, **_: taken.append(given[1]))
    train.run(["train_tf.py", "--data", DATA, "--out", str(tmp_path / "run"), *arguments])
    assert (taken[0].optimizer, taken[0].rate) == expected


@pytest.mark.parametrize(("budget", "expected"), [
    ({"minutes": 600, "steps": None}, {"minutes": 65, "steps": None}),
    ({"minutes": None, "steps": 10**6}, {"minutes": None, "steps": 1005}),
])  # fmt: skip
def test_a_decay_of_a_stable_run_begins_at_its_checkpoint(budget, expected, monkeypatch, tmp_path):
    settings = {"data": DATA, "validation": None, "schedule": "stable", **budget}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    arguments = ["train_tf.py", "--resume", "--out", str(tmp_path), "--decay", "5"]
    with pytest.raises(errors.UsageError, match="holds no checkpoint to go on from"):
        train.run(arguments)
    state = {"step": 1000, "seconds": 3600.0}
    np.savez(tmp_path / "last.npz", state=json.dumps(state), v0=np.zeros(1))
    taken = []
    monkeypatch.setattr("alic_tf.training.run.train", lambda *given, **_: taken.append(given[1]))
    train.run(arguments)
    assert {name: getattr(taken[0], name) for name in expected} == expected
    assert (taken[0].decay, taken[0].optimizer) == (5, "adam")


def weights(path):
    """All arrays of a checkpoint, and its state."""
    with np.load(path) as file:
        arrays = dict(file)
    return json.loads(str(arrays.pop("state"))), arrays


@pytest.mark.long
def test_a_killed_run_resumes_and_ends_as_one_that_was_not(tmp_path, capfd):
    data, out, model = tiny.write_photographs(tmp_path / "data"), tmp_path / "run", tmp_path / "m"
    changes = [f"--set={path}={json.dumps(value)}" for path, value in tiny.BARE.items()]
    settings = [*changes, "--batch=2", "--patch=64", "--seed=5", "--steps=60"]
    killed = subprocess.Popen([*COMMAND, "--model=fu2022", "--data", str(data), "--out", str(out),
                               *settings, "--save_minutes=0"], stdout=subprocess.DEVNULL)
    try:
        while not (out / "last.npz").exists():
            assert killed.poll() is None
            time.sleep(0.02)
    finally:
        killed.kill()
    assert killed.wait() == -signal.SIGKILL
    begun, early = weights(out / "last.npz")
    assert begun["step"] < 60

    result = run("--resume", "--out", str(out), "--export", str(model))
    assert (result.returncode, result.stderr) == (0, "")
    assert f"from step {begun['step']}" in result.stdout and "step 60 " in result.stdout
    rows = [json.loads(row) for row in (out / "history.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 60
    notes = storage.read_configuration(model / "model.npz")
    assert notes["name"] == "m" and notes["training"]["done"]["step"] == 60
    assert notes["training"]["seed"] == 5 and notes["training"]["data"] == "data"

    # In a process of its own, too: TensorFlow optimizes the graphs of a later training differently.
    config = ["--config", str(out / "config.json"), "--out", str(tmp_path / "again")]
    assert run(*config).returncode == 0
    (resumed, late), (straight, expected) = (
        weights(path / "last.npz") for path in (out, tmp_path / "again"))
    assert resumed["step"] == straight["step"] == 60
    assert late.keys() == expected.keys()
    assert [name for name in late if not np.array_equal(late[name], expected[name])] == []
    assert not all(np.array_equal(early[name], late[name]) for name in late)

    capfd.readouterr()
    assert train.main(["train_tf.py", "--resume", "--out", str(out), "--export", str(model)])
    assert "exists; give --overwrite" in capfd.readouterr().err
