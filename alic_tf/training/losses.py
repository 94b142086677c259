"""The rate-distortion loss."""

import keras
import numpy as np
from keras import ops

from alic_tf.training.ms_ssim import ms_ssim

# Of the mean absolute error; the rest is that of 1 - MS-SSIM (residual GDN autoencoder).
MAE_SHARE = 0.6


@keras.saving.register_keras_serializable(package="alic_tf")
class RateDistortion(keras.Model):
    """A codec model with its training loss, lambda * D + R + lambda_1 * L_PQ.

    D is the distortion, R the rate in bits per pixel and L_PQ the mean squared distance of the
    filtered latent from the unquantized one (Fu et al., section III-E). A model for several rates
    draws a quality per sample; each sample then has its own lambda, and is weighted by
    lambda ** -balance, since the loss itself grows with lambda.

    Args:
        model: a codec model whose call takes (image, quality) and returns a dictionary with
            image, bits, hyper_bits and filter_loss.
        lambdas: lambda of each whole quality, ascending.
        balance: exponent of the weighting across qualities.
        metric: "mse", the mean squared error on the 0..255 scale; "ms-ssim", 1 - MS-SSIM; or
            "mae+ms-ssim", 0.6 times the mean absolute error on the 0..1 scale and 0.4 times
            1 - MS-SSIM.
        perceptual: function of two pictures [b, h, w, 3] in 0..1 to a distance [b] that is added
            to the distortion, such as `Perceptual`, or None.
        perceptual_weight: factor of it.

    Attributes:
        filter_weight: lambda_1, a variable, for schedules to change.
        hard: whether training counts the rate of the rounded latents, not of noisy ones.
    """

    def __init__(self, model, lambdas, balance=0.3, metric="mse", perceptual=None,
                 perceptual_weight=1.0, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.model = model
        self.lambdas = tuple(lambdas)
        self.balance = balance
        self.metric = metric
        self.perceptual, self.perceptual_weight = perceptual, perceptual_weight
        self.hard = False
        self.filter_weight = keras.Variable(1.0, trainable=False, name="filter_weight")
        self.parts = [keras.metrics.Mean(name=name) for name in ("bpp", "distortion")]
        self.built = True

    def call(self, inputs, training=False):
        crops, quality = inputs
        image = ops.cast(crops, "float32") / 255.0
        outputs = self.model((image, quality), training=training and not self.hard)
        pixels = image.shape[1] * image.shape[2]
        mse = 255.0**2 * ops.mean(ops.square(outputs["image"] - image), axis=(1, 2, 3))
        return {
            "bpp": (outputs["bits"] + outputs["hyper_bits"]) / pixels,
            "mse": mse,
            "distortion": self.distortion(outputs["image"], image, mse),
            "filter_loss": outputs["filter_loss"],
            "log_lambda": self.log_lambda(quality),
            "image": outputs["image"],
        }

    def distortion(self, decoded, image, mse):
        """D [b] of pictures [b, h, w, 3] in 0..1 whose mean squared errors are known."""
        distortion = mse
        if self.metric != "mse":
            distortion = 1 - ms_ssim(decoded, image)
        if self.metric == "mae+ms-ssim":
            mae = ops.mean(ops.abs(decoded - image), axis=(1, 2, 3))
            distortion = MAE_SHARE * mae + (1 - MAE_SHARE) * distortion
        if self.perceptual is not None:
            distance = self.perceptual(decoded, image)
            distortion = distortion + self.perceptual_weight * distance
        return distortion

    def harden(self):
        """From now on, training counts the rate of the rounded latents."""
        self.hard = True
        self.make_train_function(force=True)

    def log_lambda(self, quality):
        """Logarithm of lambda at real qualities [b], linear between the whole ones."""
        logs = np.log(self.lambdas).astype("float32")
        steps = ops.cast(quality, "float32")[:, None] - np.arange(1, len(logs) + 1, dtype="float32")
        return ops.matmul(ops.relu(1.0 - ops.abs(steps)), logs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        log_lambda = y_pred["log_lambda"]
        weight = ops.exp(-self.balance * (log_lambda - float(np.mean(np.log(self.lambdas)))))
        loss = ops.exp(log_lambda) * y_pred["distortion"] + y_pred["bpp"]
        loss = loss + self.filter_weight * y_pred["filter_loss"]
        return ops.mean(weight * loss)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        for part in self.parts:
            part.update_state(y_pred[part.name])
        return super().compute_metrics(x, y, y_pred, sample_weight)
