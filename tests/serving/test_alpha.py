"""Transparency in TensorFlow operations, against `pictures.alpha` and the codec."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alic_tf.bitstream import container
from alic_tf.pictures import alpha
from alic_tf.pictures.picture import Picture
from alic_tf.serving import alpha as graph
from tests.serving.test_pictures import chunk, file_of

PLANE = np.arange(48, dtype="uint8").reshape(6, 8)
GOOD = alpha.pack(PLANE, "png")


@tf.function(autograph=False, input_signature=[tf.TensorSpec([], tf.string)])
def unpack(data):
    return graph.unpack(data, tf.constant(8, tf.int64), tf.constant(6, tf.int64))


@tf.function(autograph=False, input_signature=[
    tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([None, None, 1], tf.bool)])
def fill_hidden(rgb, seen):
    return graph.fill_hidden(rgb, seen)


def with_header(width, height, depth, colour):
    """`GOOD` with another header, whose checksum is right."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return GOOD[:8] + chunk(b"IHDR", header) + GOOD[33:]


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 1), (1, 129), (37, 50), (64, 64)])
def test_hidden_colours_are_those_of_the_program(shape):
    rng = np.random.default_rng(shape)
    rgb = rng.integers(0, 256, (*shape, 3), "uint8")
    for part in (0, 0.01, 0.3, 0.9, 1):
        seen = rng.random(shape) < part
        np.testing.assert_array_equal(
            fill_hidden(rgb, seen[..., None]), alpha.fill_hidden(rgb, seen))


def test_planes_are_read_and_written():
    for data in (GOOD, graph.pack(PLANE[..., None]).numpy()):
        assert np.array_equal(alpha.unpack(data, 8, 6), PLANE)
        cause, plane = unpack(data)
        assert cause == b"" and np.array_equal(plane[..., 0], PLANE)
    cause, plane = unpack(b"")
    assert cause == b"" and plane.shape == (6, 8, 0)


@pytest.mark.parametrize(("data", "cause"), [
    (alpha.pack(PLANE), "WebP, which is not decoded here: write the file with --alpha png"),
    (b"A", "neither lossless WebP nor PNG"), (file_of(PLANE, "GIF"), "neither lossless WebP"),
    (GOOD[:12] + b"text" + GOOD[16:], "neither lossless WebP"),
    (GOOD[:20], "another size"), (GOOD[:24], "not grey of 8 bits"), (GOOD[:-20], "cannot"),
    (alpha.pack(PLANE.T, "png"), "another size"), (with_header(8, 7, 8, 0), "another size"),
    (with_header(2**31, 2**31, 8, 0), "another size"), (with_header(8, 5, 8, 0)[:33] + GOOD[8:],
                                                        "another size"),
    (GOOD[:33] + with_header(9000, 9000, 8, 0)[8:], "cannot be decoded"),
    (file_of(np.dstack(3 * [PLANE]), "PNG"), "not grey of 8 bits"),
    (with_header(8, 6, 16, 0), "not grey of 8 bits"), (GOOD[:60] + b"?" + GOOD[61:], "cannot"),
    (GOOD[:33] + 33 * chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(9))) + GOOD[33:],
     "the alpha plane has more than 32 compressed texts, which is too many")])
def test_what_is_no_such_plane_is_refused(data, cause):
    assert cause in unpack(data)[0].numpy().decode()


@pytest.fixture(scope="module")
def pictures(photograph):
    """Pictures with an alpha plane by what it is like; that of the last is all 255."""
    rgba, soft = photograph(37, 50, 4), photograph(64, 64, 4)
    rgba[..., 3] = np.where(rgba[..., 3] < 128, 0, 255)
    clear, whole, corner = rgba.copy(), rgba.copy(), photograph(1, 1, 4)
    clear[..., 3], whole[..., 3], corner[..., 3] = 0, 255, 7
    return {"hard": rgba, "soft": soft, "grey": rgba[..., 2:], "nothing seen": clear,
            "one pixel": corner, "opaque": whole}


def test_latents_and_planes_are_those_of_the_codec(served, pictures):
    images = [Image.fromarray(image) for image in pictures.values()]
    coded = served.encode(image_bytes=[file_of(image, "PNG") for image in pictures.values()],
                          quality=[4.0] * len(images))
    assert set(coded["error"]) == {b""}
    for image, data in zip(images, coded["alic_bytes"]):
        header, payload = container.unpack(data)
        expected, expected_payload = container.unpack(served.codec.encode(image, 4))
        assert payload == expected_payload
        assert replace(header, alpha=b"") == replace(expected, alpha=b"")
        np.testing.assert_array_equal(served.codec.decode(data), served.codec.decode(
            container.pack(expected, payload)))
    assert container.unpack(data)[0].alpha == b""


def test_files_of_the_command_line_are_decoded(served, pictures):
    files = [served.codec.encode(replace(Picture.of(image), alpha_form="png"), 4)
             for image in pictures.values()]
    decoded = served.decode(alic_bytes=files)
    sizes = served.info(alic_bytes=files)["alpha"]
    assert set(decoded["error"]) == {b""}
    for data, png, size in zip(files, decoded["png_bytes"], sizes):
        expected = served.codec.decode(data)
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), expected)
        assert expected.shape[2] in (2, 4) and size == served.codec.info(data)["alpha"] > 0


def test_an_alpha_plane_that_is_not_decoded_does_not_keep_a_batch_from_the_others(
        served, pictures):
    data = served.codec.encode(pictures["hard"])
    header, payload = container.unpack(data)
    good = container.pack(replace(header, alpha=b""), payload)
    damaged = container.pack(replace(header, alpha=b"damaged"), payload)
    found = served.decode(alic_bytes=[good, data, damaged, good])
    assert found["error"].tolist() == [
        b"", b"its alpha plane is WebP, which is not decoded here: write the file with --alpha png",
        b"the alpha plane is neither lossless WebP nor PNG", b""]
    assert [bool(png) for png in found["png_bytes"]] == [True, False, False, True]
    # Latents and header are not concerned.
    for name in ("latents", "info"):
        assert set(getattr(served, name)(alic_bytes=[data, damaged])["error"]) == {b""}
