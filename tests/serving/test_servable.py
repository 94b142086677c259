"""The functions that a server offers, against the codec."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alic_tf import container
from tests.conformance import vectors
from tests.serving.conftest import MAX_PIXELS

SIZES = [(1, 1), (17, 33), (64, 64), (70, 130)]


def file_of(image, form="PNG", **options):
    out = io.BytesIO()
    Image.fromarray(image).save(out, form, **options)
    return out.getvalue()


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture(scope="module")
def cases(served, photograph):
    """(pictures, qualities, .alic files of the codec), of several sizes; the last is grey."""
    images = [photograph(*size) for size in SIZES] + [photograph(30, 100, 1)]
    qualities = [1.0, 8.0, 2.5, 5.0625, 4.0]
    return images, qualities, [served.codec.encode(*case) for case in zip(images, qualities)]


def test_encode_writes_the_same_bytes(served, cases):
    images, qualities, files = cases
    encoded = served.encode(image_bytes=[file_of(image) for image in images], quality=qualities)
    assert encoded["alic_bytes"].tolist() == files


def test_decode_gives_the_same_pixels_in_a_batch_and_alone(served, cases):
    _, _, files = cases
    together = served.decode(alic_bytes=files)["png_bytes"].tolist()
    assert [served.decode(alic_bytes=[data])["png_bytes"][0] for data in files] == together
    for data, png in zip(files, together):
        np.testing.assert_array_equal(pixels(png), served.codec.decode(data))


def test_latents_and_what_becomes_of_them(served, cases):
    _, qualities, files = cases
    for data, quality in zip(files[1:3], qualities[1:]):
        expected = served.codec.latents(data)
        found = served.latents(alic_bytes=[data, data])
        for i in (0, 1):
            np.testing.assert_array_equal(found["latents"][i] / 4096, expected["latent"])
            np.testing.assert_array_equal(found["hyper_latents"][i], expected["hyper_latent"])
        images = served.decode_latents(latents=found["latents"], quality=[quality] * 2)["images"]
        decoded = served.codec.decode(data)
        np.testing.assert_array_equal(images[1, :decoded.shape[0], :decoded.shape[1]], decoded)


@pytest.mark.parametrize("vector", [
    vector for vector in vectors.read() if vector.model == "parallel"], ids=lambda v: v.name)
def test_conformance_vectors(served, vector):
    path = vectors.FOLDER / vector.name
    data = path.with_suffix(".alic").read_bytes()
    if "alpha" in vector.name:
        assert "alpha plane" in refusal(served.decode, alic_bytes=[data])
        return
    found = served.latents(alic_bytes=[data])
    assert vectors.digest({"latent": found["latents"][0] / 4096,
                           "hyper_latent": found["hyper_latents"][0]}) == vector.latents
    decoded = pixels(served.decode(alic_bytes=[data])["png_bytes"][0])
    expected = pixels(path.with_suffix(".png").read_bytes())
    assert np.max(np.abs(decoded.astype(int) - expected)) <= 1


def test_info(served, cases):
    _, _, files = cases
    found = served.info(alic_bytes=files)
    for i, data in enumerate(files):
        expected = served.codec.info(data)
        for name in ("width", "height", "quality", "grey", "lanes", "bytes"):
            assert found[name][i] == expected[name]
        assert found["bpp"][i] == pytest.approx(expected["bpp"])


def test_photographs_are_read_as_pillow_reads_them(served, photograph):
    image = photograph(40, 50)
    for form, options in (("JPEG", {"quality": 90}), ("JPEG", {"subsampling": 2}), ("BMP", {})):
        data = file_of(image, form, **options)
        encoded = served.encode(image_bytes=[data], quality=[4.0])["alic_bytes"][0]
        assert encoded == served.codec.encode(pixels(data), 4)


def refusal(call, **inputs):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call(**inputs)
    return str(caught.value)


def test_refuses_damaged_and_foreign_files(served, cases):
    good = cases[2][2]
    foreign = container.pack(container.Header(b"\0\0\0\0", 64, 64), b"")
    short = container.pack(container.Header(served.codec.model_id, 64, 64, lanes=8), b"abc")
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 1
    for data, cause in ((b"", "empty"), (file_of(np.zeros((1, 1, 3), "uint8")), "not an .alic"),
                        (good[:-1], "truncated"), (good + b"\0", "1 bytes follow"),
                        (bytes(damaged), "checksum mismatch"), (foreign, "not written with"),
                        (short, "lanes")):
        assert cause in refusal(served.decode, alic_bytes=[good, data])


def test_refuses_pictures_over_the_limit(served):
    height = MAX_PIXELS // 64 + 1
    limit = f"64x{height} is over the limit of {MAX_PIXELS} pixels"
    picture = file_of(np.zeros((height, 64, 3), "uint8"))
    assert limit in refusal(served.encode, image_bytes=[picture], quality=[4.0])
    data = container.pack(container.Header(served.codec.model_id, 64, height), b"")
    assert limit in refusal(served.decode, alic_bytes=[data])


def test_refuses_what_it_cannot_encode(served):
    clear = np.full((8, 8, 4), 254, "uint8")
    assert "transparent" in refusal(served.encode, image_bytes=[file_of(clear)], quality=[4.0])
    assert "number" in refusal(
        served.encode, image_bytes=[file_of(clear[..., :3])], quality=[np.nan])
    refusal(served.encode, image_bytes=[b"no picture"], quality=[4.0])


def test_any_payload_is_an_image_or_refused(served):
    """Random bytes in an intact container: no crash, no other error."""
    rng = np.random.default_rng(0)
    images = 0
    for _ in range(20):
        height, width = rng.integers(1, 130, 2)
        header = container.Header(
            served.codec.model_id, int(width), int(height), quality=int(rng.integers(57)),
            lanes=int(rng.integers(1, 3)))
        data = container.pack(header, rng.bytes(rng.choice([0, 3, 100, 2000])))
        try:
            image = pixels(served.decode(alic_bytes=[data])["png_bytes"][0])
        except tf.errors.InvalidArgumentError:
            continue
        np.testing.assert_array_equal(image, served.codec.decode(data))
        images += 1
    assert images > 5
