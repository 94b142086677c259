import io
import os
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageCms

from alic_tf import errors, images
from alic_tf.errors import ImageWarning
from alic_tf.picture import Picture
from alic_tf.training.data import load_photographs

COLOURS = np.random.default_rng(1).integers(0, 256, (12, 17, 3), dtype=np.uint8)


def png(samples, chunks=()):
    """A PNG of 8 or 16-bit samples (height, width, 1 | 3) and further chunks, written by hand."""
    height, width, channels = samples.shape

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    bits, colour = 8 * samples.itemsize, {1: 0, 3: 2}[channels]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    kind = ">u2" if bits == 16 else "u1"
    rows = b"".join(b"\0" + row.astype(kind).tobytes() for row in samples)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(samples, kind):
    """A TIFF of samples (height, width, channels) of a SampleFormat, little endian, by hand."""
    height, width, channels = samples.shape
    bits = struct.pack(f"<{channels}H", *[8 * samples.itemsize] * channels)
    end = 8 + 2 + 12 * 9 + 4
    place = bits.ljust(4, b"\0") if channels < 3 else struct.pack("<I", end)
    numbers = {256: width, 257: height, 259: 1, 262: 1 if channels == 1 else 2,
               273: end + len(bits), 277: channels, 279: samples.nbytes, 339: kind}
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in numbers.items()}
    entries[258] = struct.pack("<HHI", 258, 3, channels) + place
    listed = b"".join(entries[tag] for tag in sorted(entries))
    start = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return start + listed + bytes(4) + bits + samples.tobytes()


@pytest.mark.parametrize("ending", ["png", "bmp", "ppm", "tiff", "webp", "tga"])
def test_lossless_roundtrip(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    if ending == "webp":
        Image.fromarray(COLOURS).save(path, lossless=True)
    else:
        images.write(path, COLOURS)
    assert np.array_equal(images.read(path), COLOURS)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_smallest_sizes(tmp_path, shape):
    images.write(tmp_path / "a.png", np.full((*shape, 3), 7, np.uint8))
    assert images.read(tmp_path / "a.png").shape == (*shape, 3)


def test_jpeg_is_read_and_the_array_is_writable(tmp_path):
    images.write(tmp_path / "a.JPG", np.full((16, 16, 3), 90, np.uint8))
    array = images.read(tmp_path / "a.JPG")
    assert array.dtype == np.uint8 and array.flags.writeable
    assert np.abs(array.astype(int) - 90).max() <= 2


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr"])
def test_modes_without_loss_of_information_do_not_warn(tmp_path, mode):
    image = Image.fromarray(COLOURS).convert(mode)
    ending = "jpg" if mode == "YCbCr" else "png"
    image.save(tmp_path / f"a.{ending}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array = images.read(tmp_path / f"a.{ending}")
    if mode != "YCbCr":
        assert np.array_equal(array, np.asarray(image.convert("RGB")))


def test_orientation_is_applied(tmp_path):
    image = Image.fromarray(COLOURS)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    image.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(images.read(tmp_path / "a.png"), np.rot90(COLOURS, -1))


def test_transparency_is_laid_on_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[..., 3] = [[0, 255], [128, 255]]
    Image.fromarray(rgba).save(tmp_path / "a.png")
    with pytest.warns(ImageWarning, match="a.png: transparency laid on white"):
        array = images.read(tmp_path / "a.png")
    assert array[0, 0].tolist() == [255, 255, 255]
    assert array[0, 1].tolist() == [200, 0, 0]
    assert np.abs(array[1, 0].astype(int) - [227, 127, 127]).max() <= 1


def test_opaque_alpha_changes_nothing(tmp_path):
    Image.fromarray(COLOURS).convert("RGBA").save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(images.read(tmp_path / "a.png"), COLOURS)


def test_transparent_palette_and_grey(tmp_path):
    palette = Image.new("P", (3, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putdata([0, 1, 1])
    palette.save(tmp_path / "p.png", transparency=0)
    with pytest.warns(ImageWarning):
        assert images.read(tmp_path / "p.png").tolist() == [[[255] * 3, [40, 50, 60], [40, 50, 60]]]
    Image.new("LA", (2, 2), (9, 0)).save(tmp_path / "la.png")
    with pytest.warns(ImageWarning):
        assert (images.read(tmp_path / "la.png") == 255).all()


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


def test_an_ending_without_a_format_is_a_usage_error(tmp_path):
    for name in ("a", "a.xyz", "a.alic"):
        with pytest.raises(errors.UsageError, match="ending"):
            images.write(tmp_path / name, COLOURS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff", "avif"])
def test_metadata_and_alpha_survive_a_file(tmp_path, ending):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plane = None if ending == "jpg" else np.maximum(COLOURS[..., 0], 1)
    xmp = b"<x:xmpmeta>caf\xc3\xa9</x:xmpmeta>"
    picture = Picture(COLOURS, alpha=plane, exif=exif.tobytes()[6:], icc=icc, xmp=xmp)
    images.write(tmp_path / f"a.{ending}", picture, quality=100)
    again = images.open_picture(tmp_path / f"a.{ending}")
    assert (again.icc, again.xmp) == (icc, xmp)
    tags = Image.Exif()
    tags.load(again.exif)
    assert tags[0x010F] == "Maker"
    if plane is not None:
        assert np.abs(again.alpha.astype(int) - plane).max() <= (ending == "avif")
    assert (np.array_equal(again.rgb, COLOURS)) == (ending in ("png", "tiff", "webp"))
    assert images.open_picture((tmp_path / f"a.{ending}").read_bytes()).exif == again.exif


def test_quality_of_formats_with_loss(tmp_path):
    picture = Picture(COLOURS.repeat(8, 0).repeat(8, 1))
    for form in ("JPEG", "WEBP", "AVIF"):
        sizes = [len(images.encode(picture, form, quality)) for quality in (10, 50, 95)]
        assert sizes == sorted(set(sizes)) and images.has_quality(form)
    for form, quality in (("WEBP", 100), ("PNG", 50), ("TIFF", 50)):
        with Image.open(io.BytesIO(images.encode(picture, form, quality))) as image:
            assert np.array_equal(np.asarray(image), picture.rgb)
    with Image.open(io.BytesIO(images.encode(picture, "JPEG"))) as image:
        assert image.layer[0][1:3] == image.layer[1][1:3]  # no chroma subsampling


def test_formats_that_cannot_hold_everything(tmp_path):
    picture = Picture(COLOURS, alpha=COLOURS[..., 1], exif=b"MM\0*" + bytes(65536),
                      xmp=bytes(65505))
    for form, said in (("JPEG", "XMP data are too long for JPEG"), ("BMP", "no place for meta")):
        with pytest.warns(ImageWarning) as caught:
            data = images.encode(picture, form)
        with Image.open(io.BytesIO(data)) as image:
            assert image.mode == "RGB"
        messages = [str(warning.message) for warning in caught]
        assert f"{form} has no transparency: laid on white" in messages
        assert any(said in text for text in messages)
        assert any("EXIF data are too long" in text for text in messages) == (form == "JPEG")
    wide = Picture(np.zeros((1, 16384, 3), np.uint8))
    with pytest.raises(errors.AlicError, match="cannot be written as WEBP: .*16383"):
        images.write(tmp_path / "a.webp", wide)
    assert not list(tmp_path.iterdir())


def test_find(tmp_path):
    for name in ("b.png", "a.JPG", "c.alic", "notes.txt", ".hidden.png", "z.webp", "x.eps"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in images.find(tmp_path)] == ["a.JPG", "b.png", "z.webp"]
