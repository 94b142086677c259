"""Opening and saving .alic files with Pillow."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from alic_tf import container, errors, images, pillow_plugin, zoo
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
    third = saved(again)
    assert third.size == (20, 30) and third.info == again.info
    bare = saved(again, exif=b"", icc_profile=None)
    assert bare.info == {} and again.info["icc_profile"] == icc
    png = io.BytesIO()
    third.save(png, "PNG", exif=third.info["exif"])
    assert Image.open(png).getexif()[0x010F] == "Maker"


def test_opening_decodes_nothing(codec, monkeypatch):
    data = codec.encode(RGBA, 2)
    monkeypatch.setattr(zoo, "load_by_id", None)
    assert Image.open(io.BytesIO(data)).mode == "RGBA"


def test_errors_are_those_of_the_codec(codec, tmp_path):
    data = codec.encode(RGBA, 2)
    for damaged, error in (
        (data[:-3], errors.Truncated),
        (data[:90] + bytes([data[90] ^ 1]) + data[91:], errors.ChecksumMismatch),
        (b"ALIC\x07" + data, errors.NewerVersion),
    ):
        with pytest.raises(error):
            Image.open(io.BytesIO(damaged))
    with Image.open(io.BytesIO(container.pack(container.Header(b"\1\2\3\4", 9, 9), b"x"))) as image:
        assert image.size == (9, 9)
        with pytest.raises(errors.UnknownModel, match="01020304"):
            image.load()
    with pytest.raises(errors.UnknownModel, match="nothing"):
        Image.fromarray(RGBA).save(tmp_path / "a.alic", model="nothing")
    with pytest.raises(errors.ImageUnreadable):
        Image.new("F", (3, 3)).save(tmp_path / "a.alic", model="tiny")
    assert not list(tmp_path.iterdir())


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
