import keras
import numpy as np
import pytest

from alic_tf import metrics
from alic_tf.training.losses import RateDistortion

LAMBDAS = (0.001, 0.01, 0.04)


class Fixed(keras.Model):
    """A codec whose outputs are known."""

    def __init__(self, image):
        super().__init__()
        self.output_image = image

    def call(self, inputs, training=False):
        return {
            "image": keras.ops.convert_to_tensor(self.output_image),
            "bits": keras.ops.convert_to_tensor(np.array([8000, 500], "float32")),
            "hyper_bits": keras.ops.convert_to_tensor(np.array([192, 12], "float32")),
            "filter_loss": keras.ops.convert_to_tensor(np.array([0.5, 0.25], "float32")),
        }


@pytest.mark.parametrize("balance", [0.0, 0.3, 1.0])
def test_loss_is_lambda_d_plus_r_plus_the_filter_loss(balance):
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 16, 32, 3), dtype=np.uint8)
    image = rng.normal(0.5, 0.3, crops.shape).astype("float32")
    model = RateDistortion(Fixed(image), LAMBDAS, balance)
    model.filter_weight.assign(0.7)
    outputs = model((crops, np.array([1.5, 3.0], "float32")), training=True)

    distortion = np.mean((crops - 255.0 * image.astype("float64")) ** 2, axis=(1, 2, 3))
    rate = np.array([8192, 512]) / (16 * 32)
    lambdas = np.array([np.sqrt(0.001 * 0.01), 0.04])  # half way is the geometric mean
    weights = (lambdas / np.prod(LAMBDAS) ** (1 / 3)) ** -balance
    expected = np.mean(weights * (lambdas * distortion + rate + 0.7 * np.array([0.5, 0.25])))
    np.testing.assert_allclose(outputs["mse"], distortion, rtol=1e-5)
    np.testing.assert_allclose(outputs["bpp"], rate, rtol=1e-6)
    np.testing.assert_allclose(model.compute_loss(y_pred=outputs), expected, rtol=1e-5)


def test_one_rate_has_its_lambda():
    model = RateDistortion(Fixed(None), [0.0075])
    np.testing.assert_allclose(
        np.exp(model.log_lambda(np.ones(3, "float32"))), np.full(3, 0.0075), rtol=1e-6
    )


def test_the_distortion_may_be_ms_ssim():
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 176, 192, 3), dtype=np.uint8)
    noisy = np.clip(crops + rng.normal(0, 20, crops.shape), 0, 255).astype("uint8")
    model = RateDistortion(Fixed(noisy / np.float32(255)), [12.0], metric="ms-ssim")
    outputs = model((crops, np.ones(2, "float32")))
    distortion = [1 - metrics.ms_ssim(a, b) for a, b in zip(crops, noisy)]
    np.testing.assert_allclose(outputs["distortion"], distortion, atol=2e-5)
    expected = np.mean(12 * np.array(distortion) + np.array(outputs["bpp"]))
    expected += np.mean(np.array(outputs["filter_loss"]))
    np.testing.assert_allclose(model.compute_loss(y_pred=outputs), expected, rtol=1e-4)


def test_the_distortion_may_be_absolute_error_and_ms_ssim_with_a_perceptual_term():
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 176, 192, 3), dtype=np.uint8)
    noisy = np.clip(crops + rng.normal(0, 20, crops.shape), 0, 255).astype("uint8")
    model = RateDistortion(
        Fixed(noisy / np.float32(255)), [9.0], metric="mae+ms-ssim", perceptual_weight=0.25,
        perceptual=lambda decoded, image: keras.ops.max(decoded - image, axis=(1, 2, 3)),
    )
    expected = [
        0.6 * np.abs(difference).mean() + 0.4 * (1 - metrics.ms_ssim(a, b))
        + 0.25 * difference.max()
        for a, b, difference in zip(crops, noisy, (noisy - crops.astype("float64")) / 255)
    ]
    outputs = model((crops, np.ones(2, "float32")))
    np.testing.assert_allclose(outputs["distortion"], expected, atol=2e-5)


class Noisy(keras.Model):
    """A codec with one weight, whose rate in training is not that of its rounded latents."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs, training=False):
        bits = keras.ops.ones(2) * self.scale * (512.0 if training else 256.0)
        image = self.scale * inputs[0]
        return {"image": image, "bits": bits, "hyper_bits": 0 * bits, "filter_loss": 0 * bits}


def test_hardened_training_counts_rounded_latents_and_reports_its_parts():
    model = RateDistortion(Noisy(), [0.01])
    model.compile(keras.optimizers.SGD(0.0))
    data = np.full((2, 16, 16, 3), 100, "uint8"), np.ones(2, "float32")
    rates = {}
    for hard in (False, True):
        if hard:
            model.harden()
        model.reset_metrics()
        rates[hard] = model.train_on_batch(data, return_dict=True)
    assert rates[False] == pytest.approx({"loss": 2.0, "bpp": 2.0, "distortion": 0.0})
    assert rates[True] == pytest.approx({"loss": 1.0, "bpp": 1.0, "distortion": 0.0})
