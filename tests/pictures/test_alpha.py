import io
import itertools
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alic_tf import errors
from alic_tf.pictures import alpha

ROOT = Path(__file__).parents[2]


def encoded(form, image, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def masks():
    y, x = np.mgrid[:70, :90]
    disc = np.hypot(x - 45, y - 35)
    yield "hard", np.where(disc < 30, 255, 0)
    yield "soft", np.clip(40 - disc, 0, 30) * 8
    yield "noise", np.random.default_rng(0).integers(0, 256, (33, 5))
    yield "one pixel", np.array([[7]])


@pytest.mark.parametrize("plane", [pytest.param(m, id=name) for name, m in masks()])
@pytest.mark.parametrize(("form", "magic"), [("webp", b"RIFF"), ("png", b"\x89PNG")])
def test_nothing_is_lost(plane, form, magic):
    plane = plane.astype(np.uint8)
    data = alpha.pack(plane, form)
    assert data.startswith(magic)
    assert np.array_equal(alpha.unpack(data, plane.shape[1], plane.shape[0]), plane)


def test_a_mask_is_smaller_than_as_png():
    for _, plane in itertools.islice(masks(), 2):
        plane = plane.astype(np.uint8)
        png = encoded("PNG", Image.fromarray(plane), optimize=True)
        assert len(alpha.pack(plane)) < 0.8 * len(png)


@pytest.mark.parametrize("shape", [(1, 16383), (16384, 2)])
def test_sides_at_and_over_the_limit_of_webp(shape):
    plane = np.arange(shape[0] * shape[1]).reshape(shape).astype(np.uint8)
    data = alpha.pack(plane)
    assert (data[:4] == b"RIFF") == (max(shape) == 16383)
    assert np.array_equal(alpha.unpack(data, shape[1], shape[0]), plane)


PLANE = np.arange(64, dtype=np.uint8).reshape(8, 8)
GOOD = alpha.pack(PLANE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"text" * 20,
        GOOD[:24],
        GOOD[:-20],
        encoded("PNG", Image.fromarray(PLANE))[:50],
        encoded("PNG", Image.fromarray(PLANE))[:20],
        encoded("GIF", Image.fromarray(PLANE)),
        encoded("WEBP", Image.fromarray(PLANE)),
        encoded("WEBP", Image.fromarray(PLANE), lossless=True, exif=b"extended"),
    ],
)
def test_other_bytes_are_malformed(data):
    with pytest.raises(errors.Malformed, match="the alpha plane"):
        alpha.unpack(data, 8, 8)


def bombs():
    """Small files that announce huge planes."""
    sides = (16383 - 1) | (16383 - 1) << 14
    yield GOOD[:21] + struct.pack("<I", sides) + GOOD[25:]
    header = b"IHDR" + struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 0, 0, 0, 0)
    png = encoded("PNG", Image.fromarray(PLANE))
    yield png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


@pytest.mark.parametrize("data", list(bombs()))
def test_bombs_are_not_opened(data, monkeypatch):
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(errors.Malformed, match="size"):
        alpha.unpack(data, 8, 8)


def test_a_png_with_two_sizes_is_not_decoded(monkeypatch):
    png = encoded("PNG", Image.fromarray(PLANE))
    other = encoded("PNG", Image.new("L", (9000, 9000)))
    monkeypatch.setattr(Image.Image, "convert", None)
    with pytest.raises(errors.Malformed, match="size"):
        alpha.unpack(png[:33] + other[8:33] + png[33:], 8, 8)


@pytest.mark.parametrize("form, image", [
    ("PNG", Image.fromarray(PLANE).convert("RGB")), ("PNG", Image.fromarray(PLANE).convert("1")),
    ("WEBP", Image.fromarray(PLANE).convert("RGBA"))])
def test_forms_that_take_more_memory_are_not_decoded(form, image, monkeypatch):
    if form == "WEBP":
        image.putalpha(7)
    monkeypatch.setattr(Image.Image, "convert", None)
    with pytest.raises(errors.Malformed, match="the alpha plane"):
        alpha.unpack(encoded(form, image, **({"lossless": True} if form == "WEBP" else {})), 8, 8)


def test_memory_of_a_bomb(tmp_path):
    """A plane of 4096x4096 in a few hundred bytes: WebP takes 16 bytes a pixel, PNG four."""
    image = Image.new("L", (4096, 4096), 128)
    for form, most in (("WEBP", 17), ("PNG", 5)):
        path = tmp_path / form
        path.write_bytes(alpha.pack(np.asarray(image)) if form == "WEBP" else encoded(form, image))
        program = (
            "import resource, sys; from alic_tf.pictures import alpha; "
            "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
            "data = open(sys.argv[1], 'rb').read(); before = peak(); "
            "plane = alpha.unpack(data, 4096, 4096); "
            "print((peak() - before) * (1 if sys.platform == 'darwin' else 1024) / plane.size)"
        )
        result = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True,
                                text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
        assert float(result.stdout) < most


def test_pillows_own_limit_is_named(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    with pytest.raises(errors.LimitExceeded, match="8x8 is over Pillow's limit"):
        alpha.unpack(GOOD, 8, 8)


def test_damage_is_an_error_or_a_plane():
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(GOOD)
        damaged[rng.integers(len(GOOD))] ^= 1 << rng.integers(8)
        try:
            assert alpha.unpack(bytes(damaged), 8, 8).shape == (8, 8)
        except errors.Malformed:
            continue


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (33, 1), (37, 50)])
def test_hidden_colours_continue_those_that_are_seen(shape):
    rng = np.random.default_rng(3)
    height, width = shape
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    seen = rng.random(shape) < 0.3
    seen[0, 0] = True
    filled = alpha.fill_hidden(rgb, seen)
    assert np.array_equal(filled[seen], rgb[seen]) and filled.dtype == np.uint8
    assert (filled <= rgb[seen].max(0)).all() and (filled >= rgb[seen].min(0)).all()
    blue = np.broadcast_to(np.uint8([10, 20, 200]), rgb.shape)
    assert np.array_equal(alpha.fill_hidden(np.where(seen[..., None], blue, rgb), seen), blue)
    assert not alpha.fill_hidden(rgb, np.zeros(shape, bool)).any()
    assert alpha.fill_hidden(rgb, np.ones(shape, bool)) is rgb


def test_a_hidden_background_becomes_smooth():
    y, x = np.mgrid[:64, :64]
    seen = np.hypot(x - 32, y - 32) < 20
    rgb = np.where(seen[..., None], np.dstack([4 * x, 4 * y, x + y]), 0).astype(np.uint8)
    filled = alpha.fill_hidden(rgb, seen).astype(int)
    for axis in (0, 1):
        steepest = [np.abs(np.diff(a.astype(int), axis=axis)).max() for a in (filled, rgb)]
        assert steepest[0] < 0.3 * steepest[1]
