"""The functions that a server offers, against the codec."""

import io

import numpy as np
import pytest
from PIL import Image

from alic_tf.bitstream import container
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
    found = served.latents(alic_bytes=[data])
    assert vectors.digest({"latent": found["latents"][0] / 4096,
                           "hyper_latent": found["hyper_latents"][0]}) == vector.latents
    if "alpha" in vector.name:  # in WebP
        assert b"--alpha png" in served.decode(alic_bytes=[data])["error"][0]
        return
    decoded = pixels(served.decode(alic_bytes=[data])["png_bytes"][0])
    expected = pixels(path.with_suffix(".png").read_bytes())
    assert np.max(np.abs(decoded.astype(int) - expected)) <= 1


def test_info(served, cases):
    _, _, files = cases
    found = served.info(alic_bytes=files)
    for i, data in enumerate(files):
        expected = served.codec.info(data)
        for name in ("width", "height", "quality", "grey", "lanes", "alpha", "bytes"):
            assert found[name][i] == expected[name]
        assert found["bpp"][i] == pytest.approx(expected["bpp"])


def test_photographs_are_read_as_pillow_reads_them(served, photograph):
    image = photograph(40, 50)
    for form, options in (("JPEG", {"quality": 90}), ("JPEG", {"subsampling": 2}), ("BMP", {})):
        data = file_of(image, form, **options)
        encoded = served.encode(image_bytes=[data], quality=[4.0])["alic_bytes"][0]
        assert encoded == served.codec.encode(pixels(data), 4)


def causes(outputs, good):
    """Why the examples of a batch were refused, empty for those that are as in a good batch."""
    for i, error in enumerate(outputs["error"]):
        for name in outputs.keys() - {"error"}:
            value = outputs[name][i]
            assert not np.count_nonzero(value) if error else np.array_equal(value, good[name][0])
    return [error.decode() for error in outputs["error"]]


@pytest.fixture(scope="module")
def bad_files(served, cases):
    """Pairs of a file and why it is refused; the last one only by what decodes it."""
    good = cases[2][2]
    foreign = container.pack(container.Header(b"\0\0\0\0", 64, 64), b"")
    short = container.pack(container.Header(served.codec.model_id, 64, 64, lanes=8), b"abc")
    damaged = bytearray(good)
    damaged[len(good) // 2] ^= 1
    height = MAX_PIXELS // 64 + 1
    large = container.pack(container.Header(served.codec.model_id, 64, height), b"")
    return [(b"", "empty"), (file_of(np.zeros((1, 1, 3), "uint8")), "not an .alic"),
            (good[:-1], "truncated"), (good + b"\0", "1 bytes follow"),
            (bytes(damaged), "checksum mismatch"), (foreign, "not written with"),
            (large, f"64x{height} is over the limit of {MAX_PIXELS} pixels"), (short, "lanes")]


@pytest.mark.parametrize(("name", "last"), [("decode", None), ("info", -1)])
def test_bad_files_do_not_keep_a_batch_from_the_others(served, cases, bad_files, name, last):
    good, call = cases[2][1], getattr(served, name)
    files, expected = zip((good, ""), *bad_files[:last], (good, ""))
    found = causes(call(alic_bytes=files), call(alic_bytes=[good]))
    assert all(word in cause and bool(word) == bool(cause) for word, cause in zip(expected, found))


def test_latents_of_a_batch_have_the_size_of_the_first_good_file(served, cases, bad_files):
    _, _, (_, good, _, other, _) = cases
    short = bad_files[-1][0]
    found = causes(served.latents(alic_bytes=[short, good, b"", other, good]),
                   served.latents(alic_bytes=[good]))
    assert found[1] == found[4] == "" and "lanes" in found[0] and "empty" in found[2]
    assert found[3] == "its padded size is 192x128, that of the batch's first picture 64x64"
    assert served.latents(alic_bytes=[b"", b""])["latents"].shape == (2, 0, 0, 16)
    # One tensor holds them all, those of bad files too.
    outputs = served.latents(alic_bytes=[good] * 9)
    assert outputs["latents"].shape == (9, 0, 0, 16)
    assert set(outputs["error"]) == {b"9 times 64x64 is over the limit of 32768 pixels for a batch"}


def test_latents_that_are_not_decoded(served):
    latents = np.ones((2, 4, 4, 16), "int32")
    good = served.decode_latents(latents=latents[:1], quality=[4.0])
    outputs = served.decode_latents(latents=latents, quality=[4.0, np.nan])
    assert causes(outputs, good) == ["", "quality must be in 1..8"]
    for shape, cause in (((2, 8, 9, 16), "2 times 144x128 is over the limit of 32768 pixels"),
                         ((2, 0, 4, 16), "there are no latents")):
        outputs = served.decode_latents(latents=np.ones(shape, "int32"), quality=[4.0] * 2)
        assert outputs["images"].shape == (2, 0, 0, 3)
        assert all(cause in error.decode() for error in outputs["error"])


def test_pictures_that_are_not_encoded(served):
    good = file_of(np.full((8, 8, 3), 254, "uint8"))
    large = file_of(np.zeros((MAX_PIXELS // 64 + 1, 64), "uint8"))
    found = causes(
        served.encode(image_bytes=[good, good, b"no picture", good[:-20], large],
                      quality=[4.0, np.nan, 4.0, 4.0, 4.0]),
        served.encode(image_bytes=[good], quality=[4.0]))
    assert found == [
        "", "quality must be in 1..8", *2 * ["not a PNG, JPEG, BMP or GIF file, or damaged"],
        f"64x{MAX_PIXELS // 64 + 1} is over the limit of {MAX_PIXELS} pixels"]


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
        outputs = served.decode(alic_bytes=[data])
        if outputs["error"][0]:
            continue
        image = pixels(outputs["png_bytes"][0])
        np.testing.assert_array_equal(image, served.codec.decode(data))
        images += 1
    assert images > 5
