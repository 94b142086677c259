import math
import time
from pathlib import Path

import numpy as np
import pytest

from alic_tf.metrics import ms_ssim, ms_ssim_db, psnr, ssim


def pair(height, width, noise, seed=0):
    """A smooth picture with some texture, and a noisy copy of it."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (5 + 9 * c) + y / 11) * 60 + 128 for c in range(3)]
    clean = np.stack(waves, axis=-1) + random.normal(0, 8, (height, width, 3))
    noisy = clean + random.normal(0, noise, clean.shape)
    return tuple(np.clip(image, 0, 255).astype(np.uint8) for image in (clean, noisy))


def test_psnr_against_the_definition():
    a, b = pair(40, 50, 12)
    mse = sum((int(p) - int(q)) ** 2 for p, q in zip(a.flat, b.flat, strict=True)) / a.size
    assert psnr(a, b) == pytest.approx(10 * math.log10(255 * 255 / mse), abs=1e-4)
    assert psnr(a, a) == math.inf


def test_numbers_computed_elsewhere_by_tensorflow():
    golden = np.load(Path(__file__).parent / "data" / "msssim.npz")
    assert psnr(golden["a"], golden["b"]) == pytest.approx(float(golden["psnr"]), abs=1e-4)
    assert ms_ssim(golden["a"], golden["b"]) == pytest.approx(float(golden["ms_ssim"]), abs=1e-5)


def test_ms_ssim_equals_tensorflow():
    import tensorflow as tf

    cases = [(176, 176, 20), (177, 203, 5), (190, 301, 60), (179, 187, 1)]
    for seed, (height, width, noise) in enumerate(cases):
        a, b = pair(height, width, noise, seed)
        expected = tf.image.ssim_multiscale(tf.constant(a), tf.constant(b), 255).numpy()
        assert ms_ssim(a, b) == pytest.approx(expected, abs=2e-5)
    # Opposed structure: negative similarity, which both cut at zero.
    a, _ = pair(200, 200, 0)
    expected = tf.image.ssim_multiscale(tf.constant(a), tf.constant(255 - a), 255).numpy()
    assert ms_ssim(a, 255 - a) == pytest.approx(expected, abs=2e-5)


def test_ssim_equals_tensorflow():
    import tensorflow as tf

    for seed, (height, width, noise) in enumerate([(11, 30, 20), (97, 64, 5), (60, 101, 60)]):
        a, b = pair(height, width, noise, seed)
        expected = tf.image.ssim(tf.constant(a), tf.constant(b), 255).numpy()
        assert ssim(a, b) == pytest.approx(expected, abs=2e-5)
    assert math.isnan(ssim(*pair(10, 50, 1)))


def test_ms_ssim_of_equal_pictures_is_one():
    a, _ = pair(200, 240, 0)
    assert ms_ssim(a, a) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("size", [(175, 400), (400, 175), (1, 1)])
def test_ms_ssim_of_small_pictures_is_not_a_number(size):
    a, b = pair(*size, 3)
    assert math.isnan(ms_ssim(a, b))


def test_ms_ssim_in_decibels():
    assert ms_ssim_db(0.9) == pytest.approx(10)
    assert ms_ssim_db(0.99) == pytest.approx(20)
    assert ms_ssim_db(1.0) == math.inf
    assert math.isnan(ms_ssim_db(math.nan))


@pytest.mark.parametrize("metric", [psnr, ms_ssim])
def test_what_cannot_be_compared_is_refused(metric):
    a, b = pair(20, 30, 3)
    with pytest.raises(ValueError, match="equal shape"):
        metric(a, b[:-1])
    with pytest.raises(ValueError, match="uint8"):
        metric(a / 255.0, b / 255.0)


def test_ms_ssim_is_fast():
    a, b = pair(512, 768, 10)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        ms_ssim(a, b)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.3
