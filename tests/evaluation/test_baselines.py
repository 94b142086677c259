"""Classical codecs: the points measured by another program on Kodak; files are what they say."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alic_tf import errors, metrics
from alic_tf.evaluation import runner
from alic_tf.evaluation.baselines import CODECS
from alic_tf.pictures import images
from tests import kodak

# One setting per codec on kodim03: (bits per pixel, PSNR, MS-SSIM).
KODIM03 = {
    ("jpeg", 8): (0.138326, 27.580040, 0.870544),
    ("jpeg2000", 0.15): (0.150248, 31.410355, 0.947770),
    ("webp", 5): (0.110840, 30.373321, 0.933716),
    ("avif", 22): (0.116781, 31.999313, 0.952429),
    ("avif420", 26): (0.138184, 32.238398, 0.960996),
    ("heic", 18): (0.102091, 31.308039, 0.945436),
    ("jxl", 20): (0.216451, 31.422570, 0.949050),
}


def load(name):
    try:
        return CODECS[name].load()
    except errors.UsageError as error:
        pytest.skip(str(error))


def photograph():
    return images.read(Path(__file__).parents[2] / "docs" / "images" / "demo.png")[:192, :192]


@kodak.needs_kodak
@pytest.mark.parametrize(("name", "setting"), KODIM03)
def test_points_on_kodak(name, setting):
    codec = load(name)
    assert setting in codec.settings
    image = runner.read(kodak.FILES[2])
    data = codec.encode(image, setting)
    decoded = codec.decode(data)
    bpp, psnr, ms_ssim = KODIM03[name, setting]
    assert 8 * len(data) / (768 * 512) == pytest.approx(bpp, abs=1e-3)
    assert metrics.psnr(image, decoded) == pytest.approx(psnr, abs=0.01)
    assert metrics.ms_ssim(image, decoded) == pytest.approx(ms_ssim, abs=1e-5)


@pytest.mark.parametrize("name", CODECS)
def test_more_bits_give_a_better_picture(name):
    codec = load(name)
    image = photograph()
    low, high = codec.settings[0], codec.settings[-1]
    files = [codec.encode(image, setting) for setting in (low, high)]
    quality = [metrics.psnr(image, codec.decode(data)) for data in files]
    assert len(files[0]) < len(files[1]) and quality[0] + 3 < quality[1]
    with Image.open(io.BytesIO(files[0])) as opened:
        assert opened.format == codec.format
    assert codec.identity.startswith(f"{name} (Pillow ")


def test_a_rate_is_kept():
    codec = CODECS["jpeg2000"]
    image = photograph()
    bits = 8 * len(codec.encode(image, 1.0)) / (192 * 192)
    assert bits == pytest.approx(1.0, abs=0.02)


def test_what_a_codec_cannot_encode_is_an_error_of_ours():
    with pytest.raises(errors.AlicError, match="webp cannot encode it"):
        CODECS["webp"].encode(np.zeros((1, 16384, 3), np.uint8), 50)


def test_encoders_at_other_efforts():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), "uint8")
    slow, fast = load("webp"), load("webp").at_effort(0)
    assert (fast.name, slow.options, fast.options) == ("webp-method0", {"method": 6}, {"method": 0})
    assert fast.identity != slow.identity
    assert len(slow.encode(image, 50)) < len(fast.encode(image, 50))


def test_missing_plugins_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(errors.UsageError, match="pip install pillow-jxl-plugin"):
        CODECS["jxl"].load()
