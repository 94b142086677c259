"""MS-SSIM that can be trained on, in Keras operations."""

import numpy as np
from keras import ops

# Wang, Simoncelli and Bovik, "Multiscale structural similarity", 2003: weights of the five scales.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_OFFSETS = np.arange(11) - 5
_TAPS = np.exp(-(_OFFSETS**2) / (2 * 1.5**2))
_TAPS = (_TAPS / _TAPS.sum()).astype("float32")
_C1 = 0.01**2
_C2 = 0.03**2


def ms_ssim(a, b):
    """Multi-scale structural similarity of each picture, as `tf.image.ssim_multiscale`.

    A scale of negative similarity counts as zero, as there, but without infinite gradients.

    Args:
        a, b: float32 [n, h, w, channels] in 0..1, sides at least 176 and multiples of 16.

    Returns:
        float32 [n], at most 1, the mean over channels.
    """
    product = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            a, b = (ops.average_pool(picture, 2, 2) for picture in (a, b))
        full, contrast = _ssim(a, b)
        factor = full if scale == len(_WEIGHTS) - 1 else contrast
        positive = factor > 0
        root = ops.power(ops.where(positive, factor, 1.0), weight)
        product = product * ops.where(positive, root, 0.0)
    return ops.mean(product, axis=-1)


def _ssim(a, b):
    """Means over each channel [n, channels] of SSIM and of its contrast and structure part."""
    mean_a, mean_b = _blur(a), _blur(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance = _blur(a * b) - product
    variances = _blur(a * a + b * b) - squares
    contrast = (2 * covariance + _C2) / (variances + _C2)
    full = contrast * (2 * product + _C1) / (squares + _C1)
    return ops.mean(full, axis=(1, 2)), ops.mean(contrast, axis=(1, 2))


def _blur(x):
    """Convolves with the Gaussian window, one axis after the other, without padding."""
    taps = np.tile(_TAPS[:, None], (1, x.shape[-1]))[..., None]
    x = ops.depthwise_conv(x, taps[:, None])
    return ops.depthwise_conv(x, taps[None])
