"""Two workers over loopback, started as their users start them."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from alic_tf.training import run
from alic_tf.training.folder import RunFolder
from tests.training import tiny

ROOT = Path(__file__).parents[2]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def settings(data):
    """Of a training without noise, which would be drawn per worker."""
    return replace(tiny.SETTINGS, data=str(data), steps=4, batch=4, hard=1.0)


def start(out, config, worker, cluster):
    command = [sys.executable, str(ROOT / "train_tf.py"), "--config", str(config), "--out",
               str(out), "--distribute"]
    task = {"cluster": {"worker": cluster}, "task": {"type": "worker", "index": worker}}
    environment = os.environ | {"TF_CONFIG": json.dumps(task)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


@pytest.mark.long
def test_two_workers_train_as_one(tmp_path):
    data = tiny.write_photographs(tmp_path / "data")
    (tmp_path / "config.json").write_text(json.dumps(asdict(settings(data))))
    cluster = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = [start(tmp_path / "both", tmp_path / "config.json", i, cluster) for i in range(2)]
    try:
        run.train(RunFolder(tmp_path / "one"), settings(data))
        assert [worker.wait(timeout=240) for worker in workers] == [0, 0]
    finally:
        for worker in workers:
            worker.kill()
    rows, weights = [], []
    for out in (tmp_path / "one", tmp_path / "both"):
        rows.append(json.loads((out / "history.jsonl").read_text()))
        with np.load(out / "last.npz") as file:
            weights.append({name: file[name] for name in file.files if name != "state"})
    for name in ("loss", "bpp", "distortion"):
        assert rows[1][name] == pytest.approx(rows[0][name], rel=1e-5)
    assert list(weights[0]) == list(weights[1])
    for name, one in weights[0].items():
        if one.dtype == np.float32:
            np.testing.assert_allclose(weights[1][name], one, rtol=1e-3, atol=1e-3, err_msg=name)
