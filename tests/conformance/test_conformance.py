"""Files of format version 1 decode to what they held when they were made."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from alic_tf import errors, zoo
from alic_tf.bitstream import container
from alic_tf.bitstream.quality_steps import step_of_quality
from tests.conformance import generate, vectors
from tests.integer.random_model import completed_parts
from tests.tiny_models import codec, tiny_dwan

VECTORS = {vector.name: vector for vector in vectors.read()}


@pytest.fixture(scope="module")
def codecs(tmp_path_factory):
    """Codecs of the stored models, by name."""
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for name in sorted({vector.model for vector in VECTORS.values()}):
        vectors.unpack_model(name, folder / f"{name}.npz")
        made[name] = zoo.load(folder / f"{name}.npz")
    return made


@pytest.mark.parametrize("name", VECTORS)
def test_decodes_to_the_same_latents_and_pixels(codecs, name):
    vector = VECTORS[name]
    codec, data = codecs[vector.model], (vectors.FOLDER / f"{name}.alic").read_bytes()
    info = codec.info(data)
    for field in ("width", "height", "quality", "lanes"):
        assert info[field] == getattr(vector, field)
    latents = codec.latents(data)
    assert vectors.digest(latents) == vector.latents
    pixels = codec.decode(data)
    with Image.open(vectors.FOLDER / f"{name}.png") as image:
        expected = np.asarray(image)
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= 1
    latents["latent"][-1, -1, -1] += 1 / 4096
    assert vectors.digest(latents) != vector.latents


def test_metadata():
    data = (vectors.FOLDER / "parallel_alpha_metadata.alic").read_bytes()
    header, _ = container.unpack(data)
    assert {"exif": header.exif, "icc": header.icc} == generate.METADATA
    assert dataclasses.asdict(header)["alpha"]


def coded_elements(model, latents):
    """Number of elements that passes of a model code when they find these latents."""
    y_hat = latents["latent"]
    active = np.flatnonzero(y_hat.any((0, 1)) | (not model.skips_channels))
    parts = completed_parts(model, y_hat[..., active], latents["hyper_latent"], active)
    return sum(len(part.indices) for part, _ in parts)


def test_all_parts_of_the_format_occur(codecs):
    """Several lanes, elements and channels that are not coded, escapes, symbols of any size."""
    assert {vector.lanes for vector in VECTORS.values()} >= {1, 2, 4, 8, 16, 128}
    skipped = dict.fromkeys(codecs, 0)
    for name, vector in VECTORS.items():
        codec = codecs[vector.model]
        latents = codec.latents((vectors.FOLDER / f"{name}.alic").read_bytes())
        extreme, latent = name.endswith("extreme"), latents["latent"]
        assert (np.abs(latents["hyper_latent"]).max() > 1024) == extreme
        assert (np.abs(latent).max() > 4000) == extreme
        assert len(np.unique(latent)) > 3
        step = step_of_quality(vector.quality, codec.qualities)
        elements = coded_elements(codec.exact.at(step), latents)
        skipped[vector.model] += latent.size - elements
    assert min(skipped.values()) > 90


def test_no_file_is_forgotten():
    expected = {vectors.LIST, *(f"{vector.model}.npz.xz" for vector in VECTORS.values()),
                *(f"{name}.{ending}" for name in VECTORS for ending in ("alic", "png"))}
    found = {path.name for path in vectors.FOLDER.iterdir() if path.suffix not in ("", ".py")}
    assert found == expected


def test_nothing_is_made_anew(tmp_path):
    with pytest.raises(errors.UsageError, match="stays as it is"):
        generate.generate(vectors.FOLDER)
    path = tmp_path / "x.alic"
    generate.save(path, b"old")
    with pytest.raises(errors.UsageError, match="stays as it is"):
        generate.save(path, b"new")
    assert path.read_bytes() == b"old"


def test_the_generator_makes_files_of_the_lanes_it_lists(monkeypatch):
    monkeypatch.setattr("alic_tf.integer.coder.choose_lanes", None)
    made = codec(tiny_dwan())
    named = dict(generate.files(made, generate.PICTURES["parallel"][:3]))
    assert [container.unpack(data)[0].lanes for data in named.values()] == [1, 1, 2, 2]
