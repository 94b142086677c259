"""Large pictures in tiles: the same latents as of the whole, and how far networks look."""

import numpy as np
import pytest
from PIL import Image

from alic_tf import zoo
from alic_tf.codec import Codec
from alic_tf.metrics import psnr
from alic_tf.tiling import Chain, Tiling
from tests import tiny_models
from tests.test_codec import MODELS, picture
from tests.test_shipped import MODEL, ROOT

# Of the steps to the latent, the first in pixels, the last in latents; of the hyper latent and of
# the steps to the picture, in latents. By hand, then to multiples of blocks. dwan: two 3x3 at 1/8
# per unit, one unit here and five in the shipped model; the attention, an interpolation and two 3x3
# of pairs of latents, 6, after the 3x3 of the filter 8; two 3x3 of stride 2, 3 latents. light: a
# 5x5 and two 3x3 at 1/2; then, in samples of that, two 5x5 of stride 2, two 3x3 at 1/4, two and a
# last one at 1/8, 22; the attention of dwan, after two 3x3 in the filter; 2.4 latents. fu2022: 145;
# 7; 9. resgdn: 71; none; 141 pixels. qae, whose latents are 64 pixels apart: 65; none; 159
# pixels. icwem: a window and a shifted one at 1/8, one at 1/4, less than 128; a window of 8 latents
# and five 3x3, to multiples of 128 pixels; as the latent.
HALOS = {"dwan": ([16, 6], 4, [8, 1]), "fu2022": ([160], 8, [9]),
         "light": ([6, 24, 6], 4, [8, 3]), "resgdn": ([80], 0, [9]),
         "qae": ([128], 0, [3]), "icwem": ([128], 16, [8])}
LONG_FOR_ICWEM = [pytest.param(name, marks=[pytest.mark.long] * (name == "icwem"))
                  for name in MODELS]
SHIPPED_HALOS = ([80, 6], 4, [8, 5])


def blurred(x, reach):
    """Sum over a square of 2 * reach + 1 samples a side, zero beyond the border."""
    padded = np.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    for axis in (1, 2):
        size = padded.shape[axis] - 2 * reach
        padded = sum(np.take(padded, range(i, i + size), axis) for i in range(2 * reach + 1))
    return padded


@pytest.fixture(scope="module")
def codecs():
    """Codecs of all families by name."""
    return {name: tiny_models.codec(make()) for name, make in MODELS.items()}


def tiled(codec, tile):
    """The codec with another size of tiles."""
    return Codec(codec.model, codec.exact, codec.model_id, codec.name, tile)


def halos(codec):
    analysis, synthesis = ([tiling.halo for tiling in chain.tilings]
                           for chain in (codec._latent, codec._image))
    return analysis, codec._hyper_latent.halo, synthesis


@pytest.mark.parametrize("reach, halo", [(0, 0), (1, 4), (4, 4), (5, 8), (17, 20)])
def test_halo_is_the_reach_in_whole_blocks(reach, halo):
    assert Tiling(lambda x: blurred(x, reach), 3, 16, 4).halo == halo


def test_halo_of_functions_that_change_the_size():
    assert Tiling(lambda x: blurred(x, 3)[:, ::4, ::4], 1, 32, 8, down=4).halo == 8
    assert Tiling(lambda x: blurred(x.repeat(2, 1).repeat(2, 2), 3), 1, 16, 2, up=2).halo == 2


def test_functions_that_see_everything_are_refused():
    with pytest.raises(ValueError, match="more of the picture"):
        _ = Tiling(lambda x: x - x.mean((1, 2), keepdims=True), 1, 16, 4).halo


def test_a_model_file_tells_how_far_its_model_looks(tmp_path, monkeypatch):
    """What the codec would find, and need not try any more."""
    zoo.export(tiny_models.tiny_dwan(), "tiny", tmp_path / "model.npz")
    monkeypatch.setattr(Tiling, "_blocks_reached", None)
    assert halos(zoo.load(tmp_path)) == HALOS["dwan"]


@pytest.mark.parametrize("size", [(16, 16), (20, 48), (4, 100), (52, 36)])
def test_tiles_make_the_whole(size):
    x = np.random.default_rng(0).integers(-9, 9, (*size, 2)).astype("float32")
    shapes = []

    def read(rows, columns):
        part = x[rows, columns]
        shapes.append(part.shape)
        return part

    tiling = Tiling(lambda x: blurred(x, 5), 2, 16, 4, finish=lambda x: x.astype("int32") // 2)
    whole = tiling(read, *size)
    assert whole.dtype == "int32"
    np.testing.assert_array_equal(whole, blurred(x[None], 5)[0] // 2)
    assert len(shapes) == -(-size[0] // 16) * -(-size[1] // 16)
    assert max(max(shape[:2]) for shape in shapes) <= 16 + 2 * 8


def test_a_chain_reads_what_the_tiling_before_has_made():
    x = np.random.default_rng(0).integers(-9, 9, (1, 40, 24, 2)).astype("float32")
    chain = Chain([Tiling(lambda x: blurred(x, 5)[:, ::2, ::2], 2, 16, 4, down=2),
                   Tiling(lambda x: blurred(x, 1), 2, 6, 1)], [0.75, 0.25])
    told = []
    whole = chain(lambda *window: x[0][window], 40, 24, advance=told.append)
    np.testing.assert_array_equal(whole, blurred(blurred(x, 5)[:, ::2, ::2], 1)[0])
    assert len(told) == 3 * 2 + 4 * 2
    assert sum(told) == pytest.approx(1) and sum(told[:6]) == pytest.approx(0.75)


@pytest.mark.parametrize("name", MODELS)
def test_halos_of_the_networks(codecs, name):
    assert halos(codecs[name]) == HALOS[name]


@pytest.mark.parametrize("name", LONG_FOR_ICWEM)
def test_nothing_beyond_the_halo_matters(codecs, name):
    """Perturbation: another picture beyond the halo changes no bit; within it changes some."""
    image = picture(448, 448).astype("float32")[None] / 255
    other = np.random.default_rng(1).random(image.shape, "float32")
    first = codecs[name]._latent.tilings[0]
    middle = slice(192 // first.down, 256 // first.down)

    def latent(distance):
        kept = slice(192 - distance, 256 + distance)
        mixed = other.copy()
        mixed[:, kept, kept] = image[:, kept, kept]
        return np.asarray(first.fast(mixed, 1.0))[0, middle, middle]

    whole = latent(192)
    np.testing.assert_array_equal(latent(first.halo), whole)
    assert np.any(latent(first.halo // 4) != whole)


# A picture of whole tiles, and one that is not, of which the first tile of no model reads it whole.
@pytest.mark.parametrize(
    ("name", "size"),
    [("dwan", (128, 192)),
     *(pytest.param(*param.values, (333, 201), marks=param.marks) for param in LONG_FOR_ICWEM)])
def test_tiles_code_as_the_whole(codecs, name, size):
    codec, image = codecs[name], picture(*size)
    parts = tiled(codec, 64)
    data, latents = codec.encode_with_latents(image)
    tiled_data, tiled_latents = parts.encode_with_latents(image)
    side = max(latents["latent"].shape[:2])
    for tiling, size in ((parts._latent.tilings[0], codec.model.latent_stride * side),
                         (parts._image.tilings[-1], side)):
        assert tiling._parts(size)[0].read.stop < size
    for key in ("latent", "hyper_latent"):
        np.testing.assert_array_equal(tiled_latents[key], latents[key])
    assert tiled_data == data
    decoded = codec.decode(data)
    difference = parts.decode(data).astype(int) - decoded
    assert difference.shape == image.shape and np.ptp(decoded) > 0
    assert np.abs(difference).max() <= 1


def test_tiles_begin_where_wavelets_do():
    """Also with latents at an odd multiple of 16 pixels, where a tile could end."""
    switches = {"transform.importance": "dwan", "transform.pqf": "wavelet"}
    codec, image = tiny_models.codec(tiny_models.tiny_resgdn(**switches)), picture(130, 170)
    assert codec.model.stride == 32
    data, latents = codec.encode_with_latents(image)
    parts = tiled(codec, 48)
    assert parts.encode(image) == data and np.ptp(latents["latent"]) > 3
    assert np.abs(parts.decode(data).astype(int) - codec.decode(data)).max() <= 1


@pytest.mark.skipif(not MODEL.is_file(), reason=f"{MODEL} is not there")
def test_a_photograph_in_tiles():
    codec = zoo.load("dwan")
    parts = tiled(codec, 128)
    assert halos(parts) == SHIPPED_HALOS
    image = np.asarray(Image.open(ROOT / "docs" / "images" / "demo.png").convert("RGB"))[3:, :-5]
    data = codec.encode(image, 5)
    assert parts.encode(image, 5) == data
    decoded = codec.decode(data)
    assert np.abs(parts.decode(data).astype(int) - decoded).max() <= 1
    assert psnr(image, decoded) > 28
