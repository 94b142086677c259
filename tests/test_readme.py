"""What README.md and docs/use.md tell users to type works as it stands there."""

import io
import re
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image

from alic_tf import __main__ as alic
from alic_tf import efforts, zoo
from alic_tf.command import encoder_decoder

ROOT = Path(__file__).parents[1]
TEXTS = {
    "README.md": (ROOT / "README.md").read_text().split("## Use\n")[1].split("\n## ")[0],
    "docs/use.md": (ROOT / "docs/use.md").read_text(),
}
LINES = {name: [line.strip() for line in text.splitlines() if line.startswith("    ")]
         for name, text in TEXTS.items()}
# How a line of a shell begins -> the function that does what it does.
COMMANDS = {"alic ": alic.main, "python encoder_decoder.py ": encoder_decoder.main}
NOT_PYTHON = (*COMMANDS, "pip install ")

pytestmark = pytest.mark.skipif("dwan" not in zoo.names(), reason="dwan is not there")


@pytest.mark.parametrize(("name", "count"), [("README.md", 4), ("docs/use.md", 11)])
def test_commands(tmp_path, monkeypatch, capsysbinary, name, count):
    photo = Image.open(ROOT / "docs" / "images" / "demo.png").crop((60, 60, 252, 252))
    text = TEXTS[name]
    (tmp_path / "photos").mkdir()
    for picture in ("photo.png", "photos/a.png", "photos/b.png"):
        photo.save(tmp_path / picture)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    commands = [
        (main, line.split("#")[0].removeprefix("python "))
        for line in LINES[name] for start, main in COMMANDS.items() if line.startswith(start)
    ]  # fmt: skip
    assert len(commands) == count
    monkeypatch.setattr(efforts, "STEPS", (0, *9 * [2]))
    for main, command in commands:
        source, target = (re.findall(rf"{mark} (\S+)", command) for mark in "<>")
        arguments = shlex.split(re.split("[<>]", command)[0])
        data = (tmp_path / source[0]).read_bytes() if source else b""
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert main(arguments) == 0, command
        out = capsysbinary.readouterr().out
        if target:
            (tmp_path / target[0]).write_bytes(out)
    for picture, form in (("photo.jpg", "JPEG"), ("photo.webp", "WEBP")):
        if picture in text:
            with Image.open(picture) as image:
                assert (image.size, image.format) == (photo.size, form)
    if "photos/" not in text:
        return
    assert {path.name for path in Path("out").iterdir()} == {
        "a.alic", "b.alic", "report.json", "report.csv"
    }  # fmt: skip
    assert sorted(path.name for path in Path("coded").iterdir()) == ["a.alic", "b.alic"]


@pytest.mark.parametrize("name", TEXTS)
def test_python(tmp_path, monkeypatch, name):
    Image.open(ROOT / "docs" / "images" / "demo.png").crop((60, 60, 190, 160)).save(
        tmp_path / "photo.png"
    )
    monkeypatch.chdir(tmp_path)
    names = {}
    exec("\n".join(line for line in LINES[name] if not line.startswith(NOT_PYTHON)), names)
    assert names["array"].shape == (100, 130, 3)
    if "image" not in names:
        return
    assert names["image"].format == "ALIC" and names["array"].shape == (100, 130, 3)
    assert names["image"].convert("L").size == (130, 100)
