"""Finished measurements: one line of JSON each, appended at once, so that none is ever lost."""

import json
import os
from pathlib import Path


def append(path, record):
    """Adds a record (a dictionary) with one write, which other processes cannot interrupt."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(record, allow_nan=False) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def read(path):
    """The records of a log, which need not exist, in the order of their lines.

    A line that a crash cut short is closed, so that the next one starts afresh, and left out.
    """
    path = Path(path)
    if not path.exists():
        return []
    data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with path.open("ab") as stream:
            stream.write(b"\n")
    return [record for line in data.splitlines() if (record := _parse(line)) is not None]


def _parse(line):
    try:
        return json.loads(line)
    except ValueError:
        return None
