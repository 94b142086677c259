"""Image files: what is read and written."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms

from alic_tf import errors
from alic_tf.errors import ImageWarning
from alic_tf.pictures import images
from alic_tf.pictures.picture import Picture
from tests.image_files import COLOURS


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
