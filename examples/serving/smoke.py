"""Asks a model server what the command line can tell, too, and compares the answers.

    python -m examples.serving.smoke photo.png
    python -m examples.serving.smoke photo.png --model fu2022 --rest http://server:8501

A line per comparison; the exit code is 1 if one fails. The picture is a PNG file without metadata
or transparency, with which servers do otherwise (docs/serving.md).
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

from alic_tf.__main__ import main as command
from examples.serving.client import predict_rest

FIELDS = ("width", "height", "grey", "lanes", "alpha", "bytes")


def wait(url, seconds):
    """Waits until a server says that it has a model; ends the program if it does not in time.

    Args:
        url: of the model, such as http://localhost:8501/v1/models/dwan.
        seconds: to wait at most.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                states = [version["state"] for version in json.load(answer)["model_version_status"]]
        except OSError as error:
            states = [str(error)]
        if "AVAILABLE" in states:
            return
        if time.monotonic() > end:
            sys.exit(f"error: {url}: {', '.join(states)}")
        time.sleep(1)


def alic(*words):
    """What the command line says with --json, a dictionary."""
    said, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(error):
        command(["alic", *words, "--json"])
    if not said.getvalue():
        sys.exit(error.getvalue().strip())
    return json.loads(said.getvalue())


def comparisons(ask, picture, quality, model, folder):
    """Yields (what is compared, the server's answer, that of the command line).

    Args:
        ask: function of a signature and its inputs to the server's outputs.
        picture: path.
        quality: of encoding.
        model: name or path, for the command line.
        folder: path of one for files.
    """
    coded, decoded, damaged = (folder / name for name in ("a.alic", "a.png", "b.alic"))
    alic("encode", str(picture), "--output", str(coded), "--quality", str(quality),
         "--model", model)
    data = coded.read_bytes()
    encoded = ask("encode", image_bytes=picture.read_bytes(), quality=quality)
    yield "encode", encoded["error"] or encoded["alic_bytes"], data

    alic("decode", str(coded), "--output", str(decoded), "--model", model)
    answer = ask("decode", alic_bytes=data)
    yield "decode", answer["error"] or _pixels(answer["png_bytes"]), _pixels(decoded.read_bytes())

    answer, said = ask("info", alic_bytes=data), alic("info", str(coded))
    yield "info", *({name: found[name] for name in FIELDS} for found in (answer, said))

    damaged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    said = alic("decode", str(damaged), "--model", model)
    yield "a damaged file", ask("decode", alic_bytes=damaged.read_bytes())["error"], said["error"]


def _pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def difference(answer, expected):
    """How an answer differs from what was expected, on one line; empty if it does not."""
    if type(answer) is not type(expected) or np.shape(answer) != np.shape(expected):
        return f"{_brief(answer)} instead of {_brief(expected)}"
    if isinstance(expected, np.ndarray):
        levels = np.abs(answer.astype(int) - expected)
        return levels.any() and f"{np.mean(levels > 0):.2%} of samples, by up to {levels.max()}"
    return answer != expected and f"{_brief(answer)} instead of {_brief(expected)}"


def _brief(value):
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return f"pixels {value.shape}" if isinstance(value, np.ndarray) else repr(value)


def main(argv):
    """Prints the comparisons; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--quality", type=float, default=4.0)
    parser.add_argument("--model", default="dwan", help="name under which the server has it")
    parser.add_argument("--local", metavar="PATH", help="of the same model, if it is not shipped")
    parser.add_argument("--rest", default="http://localhost:8501", metavar="URL")
    parser.add_argument("--wait", type=float, default=120, metavar="SECONDS", help="for the server")
    values = parser.parse_args(argv)
    wait(f"{values.rest}/v1/models/{values.model}", values.wait)

    def ask(signature, **example):
        return predict_rest(values.rest, values.model, signature, example)

    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, *answers in comparisons(ask, values.picture, values.quality,
                                          values.local or values.model, Path(folder)):
            wrong = difference(*answers)
            print(f"{name}: {wrong or 'as on the command line'}", flush=True)
            failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
