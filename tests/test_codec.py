"""The codec: images of any size to bytes and back, and bytes that nobody encoded."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from alic_tf import errors, zoo
from alic_tf.bitstream import container
from alic_tf.codec import levels
from tests.tiny_models import (
    tiny_dwan,
    tiny_fu2022,
    tiny_icwem,
    tiny_light,
    tiny_qae,
    tiny_resgdn,
)

MODELS = {
    "dwan": tiny_dwan, "fu2022": tiny_fu2022, "light": tiny_light, "resgdn": tiny_resgdn,
    "qae": tiny_qae, "icwem": tiny_icwem,
}
SIZES = [(1, 1), (1, 300), (17, 33), (64, 64), (70, 130)]


@pytest.fixture(scope="module")
def codecs(tmp_path_factory):
    """Codecs of all families, by name, exported and loaded again."""
    folder = tmp_path_factory.mktemp("models")
    for name, make in MODELS.items():
        zoo.export(make(), name, folder / f"{name}.npz")
    return {name: zoo.load(folder / f"{name}.npz") for name in MODELS}


@pytest.fixture(params=MODELS)
def codec(codecs, request):
    return codecs[request.param]


def picture(height, width, seed=0):
    """Smooth colours with some noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (height // 16 + 2, width // 16 + 2, 3))
    image = coarse.repeat(16, 0).repeat(16, 1)[:height, :width] + rng.normal(
        size=(height, width, 3)) * 8
    return np.clip(image, 0, 255).astype("uint8")


@pytest.mark.parametrize("size", SIZES)
def test_latents_decode_as_they_were_coded(codec, size):
    image = picture(*size)
    data, coded = codec.encode_with_latents(image)
    decoded = codec.latents(data)
    for name in ("latent", "hyper_latent"):
        np.testing.assert_array_equal(decoded[name], coded[name])
    assert np.ptp(coded["latent"]) > 0
    out = codec.decode(data)
    assert out.shape == image.shape and out.dtype == np.uint8
    assert codec.encode(image) == data


def test_bits_are_spent_where_they_are_needed(codec):
    image = np.full((100, 150, 3), 128, "uint8")
    image[:, 86:] = picture(100, 64)
    data = codec.encode(image)
    spent = codec.spending(data)
    assert spent.shape == (100, 150) and spent.min() >= 0
    # Those of the borders that padding adds are not in it.
    assert 0.3 * codec.estimate(data) < spent.sum() < 1.05 * codec.estimate(data)
    whole = codec.encode(picture(128, 128))
    assert codec.spending(whole).sum() == pytest.approx(codec.estimate(whole), rel=0.05)
    if codec.name == "dwan":  # The random networks of the others hardly tell the halves apart.
        assert spent[:, 96:].mean() > 1.5 * spent[:, :48].mean()


def test_fractional_qualities(codecs):
    codec, image = codecs["dwan"], picture(64, 64)
    assert codec.qualities == 8
    for quality, stored in ((1, 1), (2.5, 2.5), (3.06, 3), (3.07, 3.125), (8, 8)):
        data, coded = codec.encode_with_latents(image, quality)
        info = codec.info(data)
        assert info["quality"] == stored and info["bytes"] == len(data)
        assert (info["width"], info["height"]) == (64, 64)
        np.testing.assert_array_equal(codec.latents(data)["latent"], coded["latent"])
        codec.decode(data)
    sizes = [len(codec.encode(image, quality)) for quality in (1, 4.5, 8)]
    assert sizes == sorted(set(sizes))
    assert codec.encode(image) == codec.encode(image, 4)
    for quality in (0, 0.99, 8.01, 95, float("nan")):
        with pytest.raises(ValueError, match=r"quality must be in 1\.\.8, not"):
            codec.encode(image, quality)


def test_quality_means_nothing_to_a_model_of_one_rate(codecs):
    codec, image = codecs["fu2022"], picture(20, 20)
    assert codec.qualities == 1
    assert codec.encode(image, 7.5) == codec.encode(image)


def test_real_size_is_the_estimate(codec):
    """For latents as likely as the model thinks: random bytes decode to such."""
    header = container.Header(codec.model_id, width=512, height=384)
    random = b"\xff" + np.random.default_rng(0).bytes(20000)
    latents = codec.latents(container.pack(header, random))
    payload, _, lanes = codec.exact.encode(latents["latent"], latents["hyper_latent"])
    data = container.pack(dataclasses.replace(header, lanes=lanes), payload)
    np.testing.assert_array_equal(codec.latents(data)["latent"], latents["latent"])
    assert len(payload) > 300
    assert abs(8 * len(payload) / codec.estimate(data) - 1) < 0.01


@pytest.mark.parametrize("image", [
    np.zeros(8, "uint8"), np.zeros((8, 8, 5), "uint8"), np.zeros((8, 8, 3), "float32")])
def test_other_arrays_are_refused(codecs, image):
    with pytest.raises(ValueError, match="uint8 array"):
        codecs["dwan"].encode(image)


def test_grey_alpha_and_metadata_travel(codec):
    rgb = picture(40, 50)
    grey, plane = rgb[..., 0], rgb[..., 1]
    opaque = codec.decode(codec.encode(rgb))
    for array in (grey, np.dstack([grey, plane]), np.dstack([rgb, plane])):
        data = codec.encode(array)
        decoded = codec.decode(data)
        assert decoded.shape == array.shape and decoded.dtype == np.uint8
        if array.ndim == 3:
            np.testing.assert_array_equal(decoded[..., -1], plane)
        if array.shape[-1] == 4:
            np.testing.assert_array_equal(decoded[..., :3], opaque)
        info = codec.info(data)
        assert info["grey"] == (array.shape[-1] != 4) and (info["alpha"] > 0) == (array.ndim == 3)
    image = Image.fromarray(rgb)
    image.info["exif"] = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
    data = codec.encode(image)
    decoded = codec.decode_image(data)
    np.testing.assert_array_equal(np.asarray(decoded), opaque)
    assert decoded.info == image.info and codec.info(data)["exif"] == 14


def test_grey_is_the_average_of_what_its_three_channels_decode_to(codec):
    grey = picture(33, 20)[..., 0]
    colours = codec.decode(codec.encode(np.dstack([grey] * 3)))
    expected = np.rint(colours.mean(axis=2))
    np.testing.assert_array_equal(codec.decode(codec.encode(grey)), expected)


def test_too_large_images_are_refused(codecs):
    image = np.broadcast_to(np.uint8(0), (1, container.MAX_SIDE + 1, 3))
    with pytest.raises(errors.LimitExceeded):
        codecs["dwan"].encode(image)


def test_files_of_another_model(codecs):
    data = codecs["dwan"].encode(picture(9, 9))
    for call in ("decode", "latents", "info", "estimate"):
        with pytest.raises(errors.UnknownModel, match=codecs["dwan"].model_id.hex()):
            getattr(codecs["fu2022"], call)(data)


def test_a_quality_the_model_does_not_have(codec):
    steps = 8 * (codec.qualities - 1)
    header = container.Header(codec.model_id, 8, 8, quality=steps + 1)
    with pytest.raises(errors.Malformed, match=f"has up to {steps}"):
        codec.decode(container.pack(header, b"abc"))


def test_flipped_and_missing_bytes_are_noticed(codec):
    data = codec.encode(picture(40, 40))
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        with pytest.raises(errors.AlicError):
            codec.decode(bytes(damaged))
        with pytest.raises(errors.AlicError):
            codec.decode(data[:rng.integers(len(data))])


def test_levels_of_what_damaged_latents_may_become():
    image = np.array([[[1e38, -1e38, np.inf], [-np.inf, 0.5, 1.01]]], "float32")
    np.testing.assert_array_equal(levels(image), [[[255, 0, 255], [0, 128, 255]]])


def test_any_payload_is_an_image_or_a_typed_error(codec):
    """Random bytes in an intact container: no crash, no other exception."""
    rng = np.random.default_rng(0)
    images = 0
    for trial in range(100):
        height, width = rng.integers(1, 130, 2)
        lanes = 2 ** int(rng.integers(8)) if trial % 3 == 0 else 1
        header = container.Header(codec.model_id, int(width), int(height), lanes=lanes,
                                  quality=int(rng.integers(8 * (codec.qualities - 1) + 1)))
        size = int(rng.choice([0, 1, 9, 10, 100, 2000]))
        payload = rng.bytes(size) if trial % 5 else bytes([rng.choice([0, 255])]) * size
        try:
            image = codec.decode(container.pack(header, payload))
        except errors.Malformed:
            continue
        assert image.shape == (height, width, 3) and image.dtype == np.uint8
        images += 1
    assert images > 40
