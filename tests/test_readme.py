"""What the README tells users to type works as it stands there."""

import io
import re
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image

from alic_tf import __main__ as alic
from alic_tf import zoo
from alic_tf.command import encoder_decoder

ROOT = Path(__file__).parents[1]
USE = (ROOT / "README.md").read_text().split("## Use\n")[1].split("\n## ")[0]
LINES = [line.strip() for line in USE.splitlines() if line.startswith("    ")]
# How a line of a shell begins -> the function that does what it does.
COMMANDS = {"alic ": alic.main, "python encoder_decoder.py ": encoder_decoder.main}
NOT_PYTHON = (*COMMANDS, "pip install ")

pytestmark = pytest.mark.skipif("dwan" not in zoo.names(), reason="dwan is not there")


def test_commands(tmp_path, monkeypatch, capsysbinary):
    photo = Image.open(ROOT / "docs" / "images" / "demo.png").crop((60, 60, 252, 252))
    (tmp_path / "photos").mkdir()
    for name in ("photo.png", "photos/a.png", "photos/b.png"):
        photo.save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    commands = [
        (main, line.split("#")[0].removeprefix("python "))
        for line in LINES for start, main in COMMANDS.items() if line.startswith(start)
    ]  # fmt: skip
    assert len(commands) == 11
    for main, command in commands:
        source, target = (re.findall(rf"{mark} (\S+)", command) for mark in "<>")
        arguments = shlex.split(re.split("[<>]", command)[0])
        data = (tmp_path / source[0]).read_bytes() if source else b""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert main(arguments) == 0, command
        out = capsysbinary.readouterr().out
        if target:
            (tmp_path / target[0]).write_bytes(out)
    for name, form in (("photo.jpg", "JPEG"), ("photo.webp", "WEBP")):
        with Image.open(name) as image:
            assert (image.size, image.format) == (photo.size, form)
    assert {path.name for path in Path("out").iterdir()} == {
        "a.alic", "b.alic", "report.json", "report.csv"
    }  # fmt: skip
    assert sorted(path.name for path in Path("coded").iterdir()) == ["a.alic", "b.alic"]


def test_python(tmp_path, monkeypatch):
    Image.open(ROOT / "docs" / "images" / "demo.png").crop((60, 60, 190, 160)).save(
        tmp_path / "photo.png"
    )
    monkeypatch.chdir(tmp_path)
    names = {}
    exec("\n".join(line for line in LINES if not line.startswith(NOT_PYTHON)), names)
    assert names["image"].format == "ALIC" and names["array"].shape == (100, 130, 3)
    assert names["image"].convert("L").size == (130, 100)
