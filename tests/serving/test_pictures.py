"""Files of pictures are judged by their headers, before anything is decoded."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alic_tf.serving import picture_headers, pictures

MAX_PIXELS = 2**15
UNREADABLE = picture_headers.UNREADABLE


@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.string)])
def check(data):
    return picture_headers.check(data, MAX_PIXELS)


@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.string)])
def read(data):
    return pictures.read(data, MAX_PIXELS)


def cause(data):
    """Why a file is refused by its header."""
    return check(data)[0].numpy().decode()


def file_of(image, form, **options):
    out = io.BytesIO()
    Image.fromarray(image).save(out, form, **options)
    return out.getvalue()


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(width, height, *chunks):
    """A PNG file without pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks)


def jpeg(width, height, start=0xC0):
    """A JPEG file without pixels; progressive if it starts with 0xC2."""
    frame = struct.pack(">BBHBHHB", 255, start, 11, 8, height, width, 1) + b"\1\x11\0"
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    return b"\xff\xd8" + frame + scan


def bmp(width, height):
    """The headers of a BMP file."""
    return b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, width, height, 1, 24, *6 * [0])


def gif(width, height, *blocks, screen=None):
    """A GIF file with the descriptor of a frame without pixels."""
    head = b"GIF89a" + struct.pack("<HH", *(screen or (width, height))) + b"\x80\0\0" + bytes(6)
    return head + b"".join(blocks) + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0)


@pytest.mark.parametrize("header", [
    png, jpeg, lambda *size: jpeg(*size, 0xC2), bmp, lambda w, h: bmp(w, -h), gif,
    lambda *size: gif(*size, b"!\xfe\x02ab\x01,\0")],
    ids=["png", "jpeg", "progressive", "bmp", "top down", "gif", "comment"])
def test_sizes_are_read_from_headers(header):
    assert cause(header(181, 181)) == ""
    assert cause(header(182, 181)) == "182x181 is over the limit of 32768 pixels"
    assert cause(header(20000, 20000)) == "20000x20000 is over the limit of 32768 pixels"
    assert cause(header(32769 if header is not jpeg else 60000, 1)).endswith(
        "a side is over the limit of 32768")
    assert cause(header(0, 5)) == cause(header(5, 0)) == UNREADABLE


@pytest.mark.parametrize("data", [
    b"", b"no picture", b"B", b"GIF", b"GIF89a", png(5, 5)[8:], png(5, 5)[:14], jpeg(5, 5)[:8],
    b"\x89PNG\r\n\x1a\n" + chunk(b"teXt", b"") + png(5, 5)[8:], gif(5, 5)[:-11] + b";",
    gif(5, 5, b"!\xfe\x09abc"), b"RIFF\0\0\0\0WEBPVP8 "])
def test_what_has_no_such_header_is_refused(data):
    assert cause(data) == UNREADABLE


def test_frames_that_do_not_fill_the_screen_are_refused():
    assert "does not fill its screen" in cause(gif(5, 6, screen=(6, 6)))
    data = bytearray(gif(5, 6))
    data[-9] = 1
    assert "does not fill its screen" in cause(bytes(data))


def test_tables_of_colours_are_refused_where_tensorflow_does_not_read_them():
    image = np.random.default_rng(0).integers(0, 256, (9, 12, 3), "uint8")
    out = io.BytesIO()
    Image.fromarray(image).convert("P").save(out, "BMP")
    assert "table of colours" in cause(out.getvalue())
    found, rgb, grey, _ = read(file_of(image[..., 0], "BMP"))
    assert found == b"" and grey and np.all(rgb.numpy() == image[..., :1])


@pytest.mark.parametrize("fourth", [254, 255])
def test_a_fourth_channel_of_a_bmp_file_may_be_nothing(fourth):
    """Pillow, too, takes such a file for opaque."""
    image = np.full((9, 12, 4), [1, 2, 3, fourth], "uint8")
    found = read(file_of(image, "BMP"))[0].numpy()
    assert (b"fourth channel" in found) == (fourth < 255) and bool(found) == (fourth < 255)


def test_the_first_frame_of_an_animation_is_all_that_is_decoded():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (3, 50, 100), "uint8")
    rest = [Image.fromarray(frame) for frame in frames[1:]]
    data = file_of(frames[0], "GIF", save_all=True, append_images=rest, comment=b"x" * 300)
    found, rgb, *_ = read(data)
    assert found == b"" and np.all(rgb.numpy() == frames[0][..., None])
    # What follows does not matter, not even frames of gigabytes.
    cut = check(data)[1].numpy()
    assert len(cut) < len(data) / 2
    assert check(cut[:-1] + gif(65535, 65535)[19:])[1] == cut


@pytest.mark.parametrize(("form", "options"), [
    ("PNG", {}), ("JPEG", {"progressive": True}), ("BMP", {}), ("GIF", {})])
def test_damaged_files(form, options):
    data = file_of(np.random.default_rng(0).integers(0, 256, (40, 60), "uint8"), form, **options)
    assert read(data)[0] == b""
    for damaged in (data[:len(data) // 2], data[:-20]):
        found, rgb, *_ = read(damaged)
        assert found == UNREADABLE.encode() and tf.size(rgb) == 0


def test_scans_and_compressed_texts_without_end_are_refused():
    """Each of a few bytes takes as long as a picture, or as much memory."""
    image = np.zeros((16, 16), "uint8")
    data = file_of(image, "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    assert cause(data) == "" and data.count(b"\xff\xda") > 3
    assert cause(data[:scan] + 40 * data[scan:-2] + data[-2:]) == (
        "more than 32 scans, which is too many")
    texts = [chunk(kind, b"key\0\0" + zlib.compress(bytes(1000))) for kind in (b"zTXt", b"iTXt")]
    assert cause(png(16, 16, *16 * texts)) == ""
    assert cause(png(16, 16, *17 * texts)) == "more than 32 compressed texts, which is too many"
    # In a large file two bytes may be there by chance.
    assert cause(jpeg(16, 16) + np.random.default_rng(0).bytes(2**22)) == ""
