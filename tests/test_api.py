"""The functions of the package itself, and what people give them by mistake."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import alic_tf
from alic_tf import zoo
from tests import typed_use
from tests.tiny_models import tiny_dwan

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 50, 3), "uint8").repeat(2, 0).repeat(2, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a picture, in which `tiny` is a shipped model."""
    folder = tmp_path_factory.mktemp("api")
    Image.fromarray(PIXELS).save(folder / "a.png")
    zoo.export(tiny_dwan(), "tiny", folder / "shipped" / "tiny" / zoo.MODEL_FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zoo, "SHIPPED", folder / "shipped")
        yield folder


def test_pictures_of_every_kind_there_and_back(folder):
    content = (folder / "a.png").read_bytes()
    data = alic_tf.encode(PIXELS, "tiny", quality=3)
    for image in (folder / "a.png", str(folder / "a.png"), content, memoryview(content),
                  Image.fromarray(PIXELS)):
        assert alic_tf.encode(image, "tiny", quality=3) == data
    (folder / "a.alic").write_bytes(data)
    pixels = alic_tf.load("tiny").decode(data)
    text = tf.constant(data)
    for given in (folder / "a.alic", str(folder / "a.alic"), data, bytearray(data), text,
                  memoryview(data), np.array(data, object), text.numpy()):
        np.testing.assert_array_equal(alic_tf.decode(given), pixels)
        assert alic_tf.info(given)["bytes"] == len(data)
    assert alic_tf.load("tiny").info(data) | {"id": alic_tf.models()["tiny"]["id"]} == (
        alic_tf.info(data))
    assert alic_tf.models()["tiny"]["qualities"] == 8
    assert alic_tf.encode(PIXELS, "tiny") == alic_tf.encode(PIXELS, "tiny", quality=4)


def test_every_public_name_in_use(folder):
    typed_use.run(folder / "a.png", "tiny")


def test_targets(folder):
    sizes = [len(alic_tf.encode(PIXELS, "tiny", quality=quality)) for quality in (1, 4, 8)]
    assert len(alic_tf.encode(PIXELS, "tiny", max_bytes=sizes[1])) <= sizes[1]
    bpp = 8 * sizes[1] / (80 * 100)
    assert alic_tf.info(alic_tf.encode(PIXELS, "tiny", target_bpp=bpp))["bpp"] <= bpp
    with pytest.raises(alic_tf.errors.TargetOutOfReach):
        alic_tf.encode(PIXELS, "tiny", target_psnr=99)
    with pytest.raises(ValueError, match="one of quality, max_bytes"):
        alic_tf.encode(PIXELS, "tiny", quality=3, max_bytes=999)


@pytest.mark.parametrize(("call", "error", "hint"), [
    (lambda codec: codec.decode("a.alic"), TypeError, "not str; for paths there are alic_tf.dec"),
    (lambda codec: codec.decode(PIXELS), TypeError, "not ndarray"),
    (lambda codec: alic_tf.decode(None), TypeError, "not NoneType"),
    (lambda codec: codec.encode("a.png"), TypeError, "alic_tf.encode takes these"),
    (lambda codec: codec.encode(b"\x89PNG"), TypeError, "alic_tf.encode takes these"),
    (lambda codec: codec.encode(PIXELS / 255), ValueError, "must be a uint8 array"),
    (lambda codec: codec.encode(PIXELS, quality=95), ValueError, r"in 1\.\.8, not 95"),
    (lambda codec: codec.model(PIXELS[None]), ValueError, r"call the model with \(image, quality"),
    (lambda codec: alic_tf.encode("missing.png", "tiny"), alic_tf.errors.ImageUnreadable, "No suc"),
    (lambda codec: alic_tf.decode("missing.alic"), alic_tf.errors.AlicError, "missing.alic: cann"),
    (lambda codec: pickle.dumps(alic_tf.Codec(codec.model, codec.exact, b"abcd", "own")), TypeError,
     "not loaded from a file"),
])  # fmt: skip
def test_what_is_given_by_mistake_is_explained(folder, call, error, hint):
    with pytest.raises(error, match=hint):
        call(zoo.shared("tiny"))


def test_codecs_show_themselves_and_pickle(folder):
    codec = zoo.shared("tiny")
    assert repr(codec) == f"<Codec tiny ({codec.model_id.hex()}), qualities 1..8>"
    assert pickle.loads(pickle.dumps(codec)) is codec


def test_many(folder):
    codec = zoo.shared("tiny")
    files = codec.encode_many([PIXELS, PIXELS[:50]], quality=2)
    assert files == [codec.encode(PIXELS, 2), codec.encode(PIXELS[:50], 2)]
    for array, data in zip(codec.decode_many(files), files):
        np.testing.assert_array_equal(array, codec.decode(data))


def test_the_package_itself_is_quickly_imported():
    program = ("import sys, alic_tf; print(alic_tf.__version__); "
               "print([name for name in ('keras', 'tensorflow', 'PIL') if name in sys.modules])")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.split("\n")[1] == "[]" and result.stderr == ""
    assert isinstance(alic_tf.Picture.of(PIXELS), alic_tf.Picture)
    with pytest.raises(AttributeError, match="has no attribute 'decoder'"):
        _ = alic_tf.decoder
    assert set(alic_tf.__all__) <= set(dir(alic_tf)) | {"Codec", "Picture"}
