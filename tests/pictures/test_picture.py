"""What becomes of arrays and of Pillow images of every mode, and back."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms

from alic_tf import errors
from alic_tf.bitstream import container
from alic_tf.errors import ImageWarning
from alic_tf.pictures.picture import Picture

SAMPLES = np.random.default_rng(1).integers(0, 256, (12, 17, 4), dtype=np.uint8)
SAMPLES[..., [1, 3]] = np.maximum(SAMPLES[..., [1, 3]], 1)  # alpha: all can be seen
RGB, GREY, PLANE = SAMPLES[..., :3], SAMPLES[..., 0], SAMPLES[..., 3]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile_for(space):
    """The start of an ICC profile for pixels of this kind; nothing that could convert any."""
    return bytes(16) + space + bytes(108)


def blue_and_red_exchanged():
    """A valid ICC profile whose red is sRGB's blue."""
    profile = bytearray(SRGB)
    red, blue = profile.index(b"rXYZ", 128), profile.index(b"bXYZ", 128)
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    text = "sRGB".encode("utf-16-be")
    return bytes(profile).replace(text, "mine".encode("utf-16-be"))


def linear_srgb():
    """A valid ICC profile of sRGB's colours without its curve, still called sRGB."""
    profile = bytearray(SRGB)
    place = SRGB.index(b"para", 128)
    profile[place + 8 : place + 16] = struct.pack(">HHi", 0, 0, 1 << 16)  # a power, of 1
    return bytes(profile)


def turned(orientation, image=None):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    stream = io.BytesIO()
    (image or Image.fromarray(RGB)).save(stream, "PNG", exif=exif)
    return Image.open(stream)


@pytest.mark.parametrize(
    ("array", "grey"), [(GREY, True), (SAMPLES[..., :2], True), (RGB, False), (SAMPLES, False)]
)
def test_arrays_there_and_back(array, grey):
    picture = Picture.of(array)
    assert picture.grey == grey and picture.rgb.shape == RGB.shape
    assert np.array_equal(picture.array(), array)
    channels = array.shape[2] if array.ndim == 3 else 1
    assert (picture.alpha is not None) == (channels in (2, 4))
    image = picture.image()
    assert image.mode == ("L", "LA", "RGB", "RGBA")[channels - 1]
    assert np.array_equal(Picture.of(image).array(), array)
    assert Picture.of(picture) is picture


def test_one_channel_is_grey():
    assert np.array_equal(Picture.of(GREY[..., None]).array(), GREY)


@pytest.mark.parametrize(
    "array",
    [RGB.astype(np.float32), np.zeros((3, 3, 5), np.uint8), np.uint8(1), np.zeros((0, 3), np.uint8),
     RGB[0, 0], RGB[None]],
)  # fmt: skip
def test_other_arrays_are_refused(array):
    with pytest.raises(ValueError, match="image must"):
        Picture.of(array)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "YCbCr", "HSV"])
def test_opaque_modes(mode):
    image = Image.fromarray(RGB).convert(mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = Picture.of(image)
    assert picture.grey == (mode in ("1", "L")) and picture.alpha is None
    assert np.array_equal(picture.rgb, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "PA", "RGBa"])
def test_modes_with_alpha(mode):
    image = Image.fromarray(SAMPLES)
    image = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode)
    if mode == "PA":
        image.putalpha(Image.fromarray(PLANE))
    picture = Picture.of(image)
    assert picture.grey == (mode == "LA") and np.array_equal(picture.alpha, PLANE)
    expected = np.asarray(image.convert("RGBA"))
    assert np.array_equal(np.dstack([picture.rgb, picture.alpha]), expected)


def test_an_opaque_alpha_channel_of_an_image_is_left_out():
    assert Picture.of(Image.fromarray(RGB).convert("RGBA")).alpha is None


@pytest.mark.parametrize(("mode", "transparent"), [("L", 9), ("RGB", (9, 9, 9)), ("P", 9)])
def test_transparent_colours_and_palette_entries(mode, transparent):
    image = Image.new(mode, (2, 1), 9 if mode != "RGB" else (9, 9, 9))
    image.putpixel((1, 0), 5 if mode != "RGB" else (5, 9, 9))
    if mode == "P":
        image.putpalette([value for i in range(256) for value in (i, 0, 2 * i % 256)])
    image.info["transparency"] = transparent
    picture = Picture.of(image)
    assert picture.alpha.tolist() == [[0, 255]] and picture.grey == (mode == "L")
    assert picture.rgb[0, 1].tolist() == {"L": [5] * 3, "RGB": [5, 9, 9], "P": [5, 0, 10]}[mode]


def test_floating_point_is_refused():
    with pytest.raises(errors.ImageUnreadable, match="floating-point"):
        Picture.of(Image.fromarray(np.ones((3, 3), np.float32)))


def test_size_is_checked_before_the_pixels_are_read(monkeypatch):
    image = turned(1, Image.new("1", (32769, 1)))
    monkeypatch.setattr(Image.Image, "load", None)
    with pytest.raises(errors.LimitExceeded, match="32769x1"):
        Picture.of(image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation):
    upright = {
        1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1), 7: RGB[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(RGB),
    }[orientation]  # fmt: skip
    picture = Picture.of(turned(orientation))
    assert np.array_equal(picture.rgb, upright)
    again = Picture.of(picture.image())
    assert np.array_equal(again.rgb, upright) and again.exif == picture.exif
    tags = picture.image().getexif()
    assert (tags[0x0112], tags[0x010F]) == (1, "Maker")


XMP = b'<rdf:Description tiff:Orientation="6" dc:title="t"/>'


@pytest.mark.parametrize("where", ["tags", "exif and tags", "xmp", "xmp in text"])
def test_an_orientation_is_obeyed_wherever_it_stands_and_the_image_stays_as_it_was(where):
    image = Image.fromarray(RGB)
    image.info |= {"xmp": {"xmp": XMP}, "xmp in text": {"XML:com.adobe.xmp": XMP.decode()}}.get(
        where, {})
    if where == "exif and tags":
        image = turned(1)
    if "tags" in where:
        image.getexif().update({0x0112: 6, 0x010F: "Me"})
    tags, info = dict(image.getexif()), dict(image.info)
    picture = Picture.of(image)
    assert np.array_equal(picture.rgb, np.rot90(RGB, -1))
    assert (dict(image.getexif()), image.info) == (tags, info)
    assert np.array_equal(np.asarray(image), RGB)
    again = picture.image()
    assert again.getexif().get(0x0112, 1) == 1
    if "tags" in where:
        assert again.getexif()[0x010F] == "Me"
    else:
        assert picture.xmp == XMP.replace(b"6", b"1") and picture.exif == b""
    assert np.array_equal(Picture.of(again).rgb, picture.rgb)


def test_exif_bytes_are_kept_but_for_the_orientation():
    picture = Picture.of(turned(6))
    original = turned(6).info["exif"][6:]
    assert sum(a != b for a, b in zip(picture.exif, original, strict=True)) == 1


def test_exif_of_tiff_is_what_describes_the_photograph():
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2024:01:02 03:04:05"
    Image.fromarray(RGB).save(stream, "TIFF", exif=exif.tobytes(), icc_profile=SRGB)
    picture = Picture.of(Image.open(stream))
    tags = picture.image().getexif()
    assert set(tags) == {0x010F, 0x8769} and picture.icc == SRGB
    assert tags.get_ifd(0x8769)[0x9003] == "2024:01:02 03:04:05"
    assert np.array_equal(picture.rgb, np.rot90(RGB, -1))


@pytest.mark.parametrize("junk", [b"junk", b"Exif\0\0junk", b"x"])
def test_damaged_exif_is_left_out(junk):
    image = Image.fromarray(RGB)
    image.info["exif"] = junk
    with pytest.warns(ImageWarning, match="EXIF data are damaged"):
        picture = Picture.of(image)
    assert picture.exif == b"" and np.array_equal(picture.rgb, RGB)


@pytest.mark.parametrize(
    ("mode", "space", "kept"),
    [("RGB", b"RGB ", True), ("L", b"GRAY", True), ("L", b"RGB ", False), ("RGB", b"CMYK", False)],
)
def test_icc_profiles_are_kept_if_they_are_for_such_pixels(mode, space, kept):
    image = Image.fromarray(RGB).convert(mode)
    image.info["icc_profile"] = profile_for(space)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        picture = Picture.of(image)
    assert picture.icc == (profile_for(space) if kept else b"") and len(caught) == (not kept)
    assert picture.image().info.get("icc_profile", b"") == picture.icc


def test_cmyk():
    image = Image.fromarray(RGB).convert("CMYK")
    with pytest.warns(ImageWarning, match="CMYK converted to RGB without"):
        assert np.array_equal(Picture.of(image).rgb, RGB)
    image.info["icc_profile"] = profile_for(b"CMYK")
    with pytest.warns(ImageWarning, match="ICC profile is damaged"):
        picture = Picture.of(image)
    assert np.array_equal(picture.rgb, RGB) and picture.icc == b""


def test_dropping_metadata_keeps_the_colours_as_they_look():
    picture = Picture(RGB, exif=b"MM", icc=blue_and_red_exchanged(), alpha=PLANE, xmp=XMP)
    bare = picture.without_metadata()
    assert (bare.exif, bare.icc, bare.xmp) == (b"", b"", b"") and bare.alpha is PLANE
    assert np.abs(bare.rgb.astype(int) - RGB[..., ::-1]).max() <= 2
    assert np.array_equal(Picture(RGB, icc=SRGB).without_metadata().rgb, RGB)
    linear = Picture(RGB, icc=linear_srgb()).without_metadata().rgb / 255
    expected = np.where(RGB <= 0, 0, 1.055 * (RGB / 255) ** (1 / 2.4) - 0.055)
    assert np.abs(linear - expected).max() < 0.01
    with pytest.warns(ImageWarning, match="damaged"):
        assert np.array_equal(Picture(RGB, icc=b"junk").without_metadata().rgb, RGB)
    grey = Picture.of(GREY).without_metadata()
    assert grey.grey and np.array_equal(grey.array(), GREY)


def test_hidden_colours_are_not_kept():
    plane = np.where(np.arange(17) < 8, PLANE, 0)
    for image in (np.dstack([RGB, plane]), Image.fromarray(np.dstack([RGB, plane]))):
        picture = Picture.of(image)
        assert np.array_equal(picture.alpha, plane)
        assert np.array_equal(picture.rgb[:, :8], RGB[:, :8])
        assert picture.rgb[:, 9:].std() < RGB.std() / 2
    assert Picture.of(np.dstack([GREY, plane])).grey


def test_on_white():
    picture = Picture.of(SAMPLES).on_white()
    weight = PLANE[..., None] / 255
    assert picture.alpha is None and picture.on_white() is picture
    assert np.abs(picture.rgb - (RGB * weight + 255 * (1 - weight))).max() <= 0.5


def test_decoded_pictures():
    header = container.Header(b"abcd", **Picture.of(SAMPLES[..., :2]).fields)
    assert (header.width, header.height, header.grey) == (17, 12, True)
    noisy = np.dstack([GREY, GREY, np.where(GREY < 255, GREY + 1, 255)]).astype(np.uint8)
    picture = Picture.decoded(noisy, header)
    assert picture.grey and np.array_equal(picture.rgb, np.dstack([GREY] * 3))
    assert np.array_equal(picture.alpha, SAMPLES[..., 1])
    colours = Picture.decoded(noisy, container.Header(b"abcd", 17, 12, icc=b"i", exif=b"e"))
    assert np.array_equal(colours.array(), noisy) and (colours.icc, colours.exif) == (b"i", b"e")
