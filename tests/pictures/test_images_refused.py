"""Image files that are refused, and what of others is not kept, and said."""

import io
import os
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from alic_tf import errors
from alic_tf.errors import ImageWarning
from alic_tf.pictures import images
from alic_tf.pictures.picture import Picture
from alic_tf.training.data import load_photographs
from tests.image_files import COLOURS, png, tiff


def test_16_bit_grey_is_reduced_with_a_warning(tmp_path):
    samples = np.array([[0, 255, 256], [32767, 65280, 65535]], np.uint16)
    (tmp_path / "a.png").write_bytes(png(samples[..., None]))
    Image.fromarray(samples).save(tmp_path / "a.tiff")
    (tmp_path / "a.pgm").write_bytes(b"P5 3 2 65535\n" + samples.astype(">u2").tobytes())
    for name in ("a.png", "a.tiff", "a.pgm"):
        with pytest.warns(ImageWarning, match="16-bit"):
            array = images.read(tmp_path / name)
        nearest = np.rint(samples / 257).astype(np.uint8)
        assert np.array_equal(array, np.repeat(nearest[..., None], 3, axis=-1))


def test_16_bit_colour_is_reduced_with_a_warning(tmp_path):
    samples = COLOURS.astype(np.uint16) * 257
    (tmp_path / "a.png").write_bytes(png(samples))
    (tmp_path / "a.ppm").write_bytes(b"P6 17 12 65535\n" + samples.astype(">u2").tobytes())
    Image.fromarray(COLOURS).save(tmp_path / "a.sgi", bpc=2)
    for name in ("a.png", "a.ppm", "a.sgi"):
        with pytest.warns(ImageWarning, match="16-bit"):
            assert np.array_equal(images.read(tmp_path / name), COLOURS)


JPEG_OF_12_BITS = b"\xff\xd8\xff\xc1" + struct.pack(">HBHHB", 11, 12, 8, 8, 1) + b"\1\x11\0"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (JPEG_OF_12_BITS + bytes(99), "^damaged JPEG image, or of .*cannot handle 12-bit layers"),
        (tiff(np.ones((4, 4, 3), "<f4"), 3), r"3 floating-point samples of 32 bits a pixel"),
        (tiff(np.ones((4, 4, 3), "<u4"), 1), r"3 unsigned samples of 32 bits a pixel"),
        (tiff(np.full((4, 4, 1), 65536, "<u4"), 1), "more than 16 bits have no agreed range"),
        (tiff(np.full((4, 4, 1), -1, "<i4"), 2), "more than 16 bits have no agreed range"),
    ],
)
def test_samples_without_a_meaning_in_8_bits_are_refused_by_name(data, cause):
    with pytest.raises(errors.ImageUnreadable, match=cause):
        images.open_picture(data)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"


def test_no_picture_starts_ghostscript(tmp_path, monkeypatch):
    """Whatever the file is called, and from wherever it comes; Pillow itself would."""
    started = tmp_path / "started"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {started}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    (tmp_path / "photo.jpg").write_bytes(EPS)
    for read in (images.open_picture, lambda path: images.open_picture(path.read_bytes()),
                 lambda path: load_photographs(path.parent)):
        with pytest.raises(errors.ImageUnreadable, match="not an image that can be read"):
            read(tmp_path / "photo.jpg")
    assert not started.exists()
    with pytest.raises(OSError), Image.open(tmp_path / "photo.jpg") as image:
        image.load()
    assert started.exists()


GAMMA_1 = (b"gAMA", struct.pack(">I", 100000))
SRGB_PRIMARIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
OTHER_PRIMARIES = struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600)


@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        ([], None),
        ([(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", SRGB_PRIMARIES)], None),
        ([(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))], None),  # 72 dpi
        ([(b"cICP", bytes([1, 13, 0, 1]))], None),
        ([(b"sRGB", b"\0"), GAMMA_1], None),
        ([GAMMA_1], "not kept: gamma 1"),
        ([(b"cHRM", OTHER_PRIMARIES)], "not kept: primaries other than those of sRGB"),
        ([(b"pHYs", struct.pack(">IIB", 11811, 11811, 1))], "not kept: the resolution of 300 dpi"),
        ([(b"tEXt", b"Author\0me"), (b"zTXt", b"Title\0\0" + zlib.compress(b"it"))],
         r"not kept: text \(Author, Title\)"),
        ([(b"cICP", bytes([9, 16, 0, 1]))], r"colours \(cICP\), of HDR perhaps, are taken for"),
    ],
)  # fmt: skip
def test_what_is_not_kept_is_said(chunks, said):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = images.open_picture(png(COLOURS, chunks))
    assert np.array_equal(picture.rgb, COLOURS) and len(caught) == bool(said)
    if said:
        assert re.search(said, str(caught[0].message))


def test_a_resolution_that_exif_has_is_kept(tmp_path):
    exif = Image.Exif()
    exif[0x011A] = 300.0
    Image.fromarray(COLOURS).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 300))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.open_picture(tmp_path / "a.jpg")


def test_cmyk_and_animation_warn(tmp_path):
    Image.fromarray(COLOURS).convert("CMYK").save(tmp_path / "a.tiff")
    with pytest.warns(ImageWarning, match="CMYK"):
        assert np.array_equal(images.read(tmp_path / "a.tiff"), COLOURS)
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(ImageWarning, match="3 pictures; only number 1 is taken"):
        assert images.read(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]
    with Image.open(tmp_path / "a.gif") as image:
        image.seek(1)
        with pytest.warns(ImageWarning, match="3 pictures; only number 2 is taken"):
            assert Picture.of(image).rgb[0, 0].tolist() == [0, 0, 255]


def encoded(form):
    random = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(random).save(stream, form)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "empty"),
        (b"this is no image", "not an image"),
        (bytes(1000), "not an image"),
        (encoded("PNG")[:3000], "damaged"),
        (encoded("JPEG")[:2000], "damaged"),
        (encoded("WEBP")[:2000], None),
        (encoded("TIFF")[:2000], None),
        (encoded("PNG")[:40] + b"garbage" * 40, None),
    ],
)
def test_what_is_not_a_whole_image(tmp_path, data, cause):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(errors.ImageUnreadable, match=cause) as caught:
        images.read(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(errors.ImageUnreadable, match="No such file"):
        images.read(tmp_path / "none.png")
    with pytest.raises(errors.ImageUnreadable, match="directory"):
        images.read(tmp_path)


def test_floating_point_is_refused(tmp_path):
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(errors.ImageUnreadable, match="floating-point"):
        images.read(tmp_path / "a.tiff")


def test_decompression_bombs_are_refused(tmp_path, monkeypatch):
    images.write(tmp_path / "a.png", COLOURS)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)  # 204 pixels: Pillow fails over the double
    with pytest.raises(errors.LimitExceeded, match="a.png: too large to read: more than 100 pix"):
        images.read(tmp_path / "a.png")


def test_a_side_the_container_refuses_is_refused_at_once(tmp_path):
    images.write(tmp_path / "a.png", np.zeros((1, 32769, 3), np.uint8))
    with pytest.raises(errors.LimitExceeded, match="a.png: 32769x1"):
        images.read(tmp_path / "a.png")
