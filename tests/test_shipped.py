"""The shipped light model on real photographs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import alic_tf
from alic_tf import zoo
from alic_tf.bitstream import container
from alic_tf.metrics import psnr
from tests import kodak
from tests.kodak import needs_kodak

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "saved_models" / "dwan" / zoo.MODEL_FILE

pytestmark = pytest.mark.skipif(not MODEL.is_file(), reason=f"{MODEL} is not there")


@pytest.fixture(scope="module")
def codec():
    return alic_tf.load("dwan")


@pytest.fixture(scope="module")
def photograph():
    return np.asarray(Image.open(ROOT / "docs" / "images" / "demo.png").convert("RGB"))


def test_size_of_the_model():
    assert MODEL.stat().st_size <= 27e6


@pytest.mark.parametrize("quality", [1, 4, 8])
def test_real_bits_are_the_estimate_and_latents_exact(codec, photograph, quality):
    data, coded = codec.encode_with_latents(photograph, quality)
    decoded = codec.latents(data)
    for name, latents in coded.items():
        np.testing.assert_array_equal(decoded[name], latents)
    payload = container.unpack(data)[1]
    # At most 0.5 % for lanes; skipped elements, which the estimate counts, are worth up to 1 %.
    assert -0.01 < 8 * len(payload) / codec.estimate(data) - 1 < 0.005


def test_more_quality_costs_more_and_looks_better(codec, photograph):
    crop = photograph[48:304, 128:384]
    files = [codec.encode(crop, quality) for quality in range(1, 9)]
    sizes = [len(data) for data in files]
    decibels = [psnr(crop, codec.decode(data)) for data in files]
    assert np.all(np.diff(sizes) > 0), sizes
    assert np.all(np.diff(decibels) > 0), decibels
    assert decibels[-1] - decibels[0] > 4 and sizes[-1] > 4 * sizes[0]


@needs_kodak
def test_kodak(codec):
    """Mean file size within 0.5 % of the estimate, on every third image."""
    sizes, estimates = [], []
    for path in kodak.FILES[::3]:
        data, coded = codec.encode_with_latents(np.asarray(Image.open(path).convert("RGB")), 4)
        np.testing.assert_array_equal(codec.latents(data)["latent"], coded["latent"])
        sizes.append(8 * len(data))
        estimates.append(codec.estimate(data))
    assert abs(np.mean(sizes) / np.mean(estimates) - 1) < 0.005
