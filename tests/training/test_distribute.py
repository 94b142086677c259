"""Two workers over loopback, started as their users start them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

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


def start(out, data, worker=None, cluster=None):
    """Starts a training without noise, which would be drawn per worker."""
    changes = [f"--set={path}={json.dumps(value)}" for path, value in tiny.PACKET.items()]
    command = [sys.executable, str(ROOT / "train_tf.py"), "--data", str(data), "--out", str(out),
               "--steps=4", "--batch=4", "--patch=64", "--hard=1", *changes]
    environment = dict(os.environ)
    if cluster:
        task = {"cluster": {"worker": cluster}, "task": {"type": "worker", "index": worker}}
        environment["TF_CONFIG"] = json.dumps(task)
        command.append("--distribute")
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def test_two_workers_train_as_one(tmp_path):
    data = tiny.write_photographs(tmp_path / "data")
    cluster = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = [start(tmp_path / "both", data, i, cluster) for i in range(2)]
    workers.append(start(tmp_path / "one", data))
    try:
        assert [worker.wait(timeout=240) for worker in workers] == [0, 0, 0]
    finally:
        for worker in workers:
            worker.kill()
    losses, weights = [], []
    for out in (tmp_path / "one", tmp_path / "both"):
        losses.append(json.loads((out / "history.jsonl").read_text())["loss"])
        with np.load(out / "last.npz") as file:
            weights.append({name: file[name] for name in file.files if name != "state"})
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert list(weights[0]) == list(weights[1])
    for name, one in weights[0].items():
        if one.dtype == np.float32:
            np.testing.assert_allclose(weights[1][name], one, rtol=1e-3, atol=1e-3, err_msg=name)
