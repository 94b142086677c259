import keras
import numpy as np

from alic_tf import metrics
from alic_tf.training.ms_ssim import ms_ssim
from tests import golden


def pictures(height=192, width=208):
    rng = np.random.default_rng(0)
    x = np.linspace(0, 20, width)[None, :, None] + np.arange(3)
    clean = 120 + 60 * np.sin(x + np.linspace(0, 9, height)[:, None, None])
    noisy = [clean + rng.normal(0, noise, clean.shape) for noise in (2, 30)]
    both = [clean, *noisy, 255 - clean]  # the last of opposed structure
    return np.stack([np.clip(picture, 0, 255).astype("uint8") for picture in both])


def test_equals_the_metric_and_tensorflow():
    import tensorflow as tf

    a = pictures()
    b = np.stack([a[0]] * len(a))
    value = ms_ssim(*(picture.astype("float32") / 255 for picture in (a, b)))
    expected = tf.image.ssim_multiscale(tf.constant(a), tf.constant(b), 255)
    np.testing.assert_allclose(value, expected, atol=2e-5)
    np.testing.assert_allclose(value, list(map(metrics.ms_ssim, a, b)), atol=2e-5)


def test_numbers_computed_elsewhere_by_tensorflow():
    data = golden.load("msssim")
    # The metric takes any size; training crops have sides in multiples of 16.
    a, b = (data[name][None].astype("float32") / 255 for name in "ab")
    assert a.shape[1] % 16 == a.shape[2] % 16 == 0
    np.testing.assert_allclose(ms_ssim(a, b), [data["ms_ssim"]], atol=1e-5)


def test_gradients_are_finite_and_lead_upwards():
    import tensorflow as tf

    a = tf.constant(pictures(176, 176).astype("float32") / 255)
    reference = tf.stack([a[0]] * 4)
    with tf.GradientTape() as tape:
        tape.watch(a)
        before = ms_ssim(a, reference)
    gradient = tape.gradient(before, a)
    assert np.isfinite(gradient).all() and not np.any(gradient[3])
    after = ms_ssim(a + 0.003 * keras.ops.sign(gradient), reference)
    assert np.all((after - before)[1:3] > 0)
