"""Small exact models with random weights."""

import numpy as np

from alic_tf.integer.factorized import ExactFactorizedModel
from alic_tf.integer.fixed_point import FixedPointConvolution, dequantize
from alic_tf.integer.masked import ExactMaskedModel
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.tables import IntegerTables

OUTPUTS = {"gaussian": 2, "gmm": 9, "gllmm": 30}


def random_masked_model(kind, channels, seed=0):
    rng = np.random.default_rng(seed)

    def convolution(size, inputs, outputs, **options):
        kernel = rng.normal(size=(size, size, inputs, outputs)) / np.sqrt(size * size * inputs)
        if options.pop("masked", False):
            kernel[3:], kernel[2, 2:] = 0, 0
        return FixedPointConvolution.from_float(kernel, rng.normal(size=outputs) / 4, **options)

    leaky = {"activation": "leaky_relu"}
    hyper = [convolution(3, channels, 24, upsample=2, flip=True, **leaky),
             convolution(3, 24, 16, upsample=2, flip=True)]
    parameters = [convolution(1, 2 * channels + 16, 48, **leaky), convolution(1, 48, 40, **leaky),
                  convolution(1, 40, OUTPUTS[kind] * channels)]
    return ExactMaskedModel(kind, random_prior(channels, rng), IntegerTables.generate(), hyper,
                            convolution(5, channels, 2 * channels, masked=True), parameters)


def random_prior(channels, rng):
    return FactorizedTables.from_cumulative(
        lambda v: 0.5 + 0.5 * np.tanh(v / np.linspace(0.4, 18, channels)[:, None]),
        rng.normal(size=channels) / 2)


def random_factorized_model(channels, seed=0):
    return ExactFactorizedModel(random_prior(channels, np.random.default_rng(seed)))


def random_latents(channels, height, width, seed=1, dead=()):
    """(y, z): integers, zero in the dead channels of y."""
    rng = np.random.default_rng(seed)
    y = np.rint(rng.laplace(size=(height, width, channels)) * rng.uniform(0.1, 4, channels))
    y[..., list(dead)] = 0
    return y, np.rint(rng.normal(size=(height // 4, width // 4, channels)) * 3).astype("int64")


def completed_parts(model, y_hat, z, active=None):
    """Yields each `Part` of all passes, and the flattened latent, int32, once it is complete.

    Args:
        y_hat: the latent as it is decoded, of the active channels.
        z: the hyper latent.
        active: numbers of the coded channels; all by default.
    """
    active = np.arange(model.channels) if active is None else active
    latent = model.start(z, *y_hat.shape[:2], active)
    flat = latent.reshape(-1)
    for predict in model.passes(z, *y_hat.shape[:2], active):
        before = latent.copy()
        prediction = predict(latent)
        parts = list(prediction.parts)
        np.testing.assert_array_equal(latent, before)  # A prediction changes nothing.
        for part in parts:
            part.skip(flat).complete(flat, part.symbols(y_hat.reshape(-1)))
            yield part, flat
        prediction.complete(latent)
    np.testing.assert_array_equal(dequantize(latent), y_hat)


def all_means(parts, count):
    """Means of `count` elements, coded or not, from the parts of all passes: integers."""
    means = np.zeros(count, "int64")
    for part in parts:
        for indices, values in [part[:2], *([part.skipped] if part.skipped else [])]:
            means[indices] = values
    return means
