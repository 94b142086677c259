"""Opening and saving .alic files with Pillow."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from alic_tf import errors, pillow_plugin, zoo
from alic_tf.bitstream import container
from alic_tf.pictures import images
from tests.tiny_models import tiny_dwan

RGBA = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
MODES = {"L": RGBA[..., 0], "LA": RGBA[..., :2], "RGB": RGBA[..., :3], "RGBA": RGBA}


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    """The codec of a shipped model named tiny."""
    shipped = tmp_path_factory.mktemp("shipped")
    zoo.export(tiny_dwan(), "tiny", shipped / "tiny" / zoo.MODEL_FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zoo, "SHIPPED", shipped)
        yield zoo.shared("tiny")


@pytest.mark.parametrize("mode", MODES)
def test_there_and_back(codec, tmp_path, mode):
    array, path = MODES[mode], tmp_path / "a.alic"
    Image.fromarray(array).save(path, quality=3, model="tiny")
    data = codec.encode(array, 3)
    assert path.read_bytes() == data
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("ALIC", mode, (30, 20))
        assert image.get_format_mimetype() == "image/x-alic"
        np.testing.assert_array_equal(np.asarray(image), codec.decode(data))
        assert np.array_equal(np.asarray(image.convert(mode)), np.asarray(image))
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "ALIC", quality=3, model=str(zoo.SHIPPED / "tiny"))
    assert stream.getvalue() == data
    copy = Image.open(stream).copy()
    np.testing.assert_array_equal(np.asarray(copy), codec.decode(data))


def test_metadata_travel_and_can_be_replaced(codec):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(MODES["RGB"])

    def saved(image, **options):
        stream = io.BytesIO()
        image.save(stream, "ALIC", model="tiny", **options)
        return Image.open(stream)

    again = saved(image, exif=exif, icc_profile=icc)
    assert again.size == (20, 30) and again.info["icc_profile"] == icc
    assert dict(again.getexif()) == {0x010F: "Maker", 0x0112: 1}
    third = saved(again, exif=again.info["exif"], xmp=b"<x:xmpmeta/>")
    assert third.size == (20, 30) and third.info == again.info | {"xmp": b"<x:xmpmeta/>"}
    png = io.BytesIO()
    third.save(png, "PNG", exif=third.info["exif"])
    assert Image.open(png).getexif()[0x010F] == "Maker"
    bare = saved(third, icc_profile=None)
    assert bare.info == {} and third.info["icc_profile"] == icc


def test_metadata_that_are_not_given_are_left_out_as_by_other_formats(codec):
    """So that what somebody has turned by hand is not turned again."""
    jpeg = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(MODES["RGB"]).save(jpeg, "JPEG", exif=exif)
    by_hand = Image.open(jpeg).rotate(-90, expand=True)
    assert "exif" in by_hand.info
    stream = io.BytesIO()
    by_hand.save(stream, "ALIC", model="tiny")
    again = Image.open(stream)
    assert again.size == by_hand.size == (20, 30) and again.info == {}
    assert by_hand.getexif()[0x0112] == 6


def test_opening_decodes_nothing(codec, monkeypatch):
    data = codec.encode(RGBA, 2)
    monkeypatch.setattr(zoo, "load_by_id", None)
    assert Image.open(io.BytesIO(data)).mode == "RGBA"


@pytest.mark.filterwarnings("ignore::alic_tf.errors.ImageWarning")
def test_errors_are_those_that_pillows_users_expect(codec, tmp_path):
    data = codec.encode(RGBA, 2)
    for damaged, error in (
        (data[:-3], errors.Truncated),
        (data[:90] + bytes([data[90] ^ 1]) + data[91:], errors.ChecksumMismatch),
        (b"ALIC\x07" + data, errors.NewerVersion),
    ):
        with pytest.raises(OSError) as caught:
            Image.open(io.BytesIO(damaged))
        assert isinstance(caught.value.__cause__, error)
    for other in (b"ALICE in wonderland", b"ALIC\0" + data, b"ALIC"):
        with pytest.raises(Image.UnidentifiedImageError):
            Image.open(io.BytesIO(other))
    with Image.open(io.BytesIO(container.pack(container.Header(b"\1\2\3\4", 9, 9), b"x"))) as image:
        assert image.size == (9, 9)
        with pytest.raises(OSError, match="01020304"):
            image.load()
    with pytest.raises(OSError, match="nothing"):
        Image.fromarray(RGBA).save(tmp_path / "a.alic", model="nothing")
    with pytest.raises(OSError, match="floating-point"):
        Image.new("F", (3, 3)).save(tmp_path / "a.alic", model="tiny")
    for quality in (95, 0, -1, float("nan")):
        with pytest.raises(ValueError, match="quality must be in 1..[0-9]+, not"):
            Image.fromarray(RGBA).save(tmp_path / "a.alic", model="tiny", quality=quality)
    assert not list(tmp_path.iterdir())


def test_images_load_after_verify_but_not_when_closed(codec):
    data = codec.encode(MODES["L"], 2)
    image = Image.open(io.BytesIO(data))
    image.verify()
    np.testing.assert_array_equal(np.asarray(image), codec.decode(data))
    closed = Image.open(io.BytesIO(data))
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        closed.load()


def test_files_that_come_in_pieces(codec):
    """As from a network, or in Django's uploads."""
    data = codec.encode(MODES["RGB"], 2)
    parser = ImageFile.Parser()
    for start in range(0, len(data), 100):
        parser.feed(data[start : start + 100])
    np.testing.assert_array_equal(np.asarray(parser.close()), codec.decode(data))


def test_our_own_files_are_no_images_to_encode(tmp_path):
    (tmp_path / "a.alic").touch()
    assert images.find(tmp_path) == []
    with pytest.raises(errors.UsageError):
        images.check_format("a.alic")


def test_without_tensorflow_until_pixels_are_asked_for(tmp_path):
    (tmp_path / "a.alic").write_bytes(container.pack(container.Header(b"\1\2\3\4", 9, 7), b"x"))
    program = (
        "import sys; from PIL import Image; import alic_tf.pillow_plugin; "
        "print(Image.open(sys.argv[1]).size, 'tensorflow' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.alic")],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert result.stdout == "(9, 7) False\n", result.stderr


def test_the_format_is_known_by_its_ending():
    assert Image.registered_extensions()[".alic"] == pillow_plugin.FORMAT
