"""PSNR, SSIM, MS-SSIM of 8-bit pictures, in numpy: decoded files are judged without TensorFlow."""

import math

import numpy as np

# Wang, Simoncelli and Bovik, "Multiscale structural similarity", 2003: weights of the five scales.
_WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
_FILTER_SIZE = 11
_FILTER_SIGMA = 1.5
_C1 = 0.01**2
_C2 = 0.03**2
MS_SSIM_MIN_SIDE = _FILTER_SIZE * 2 ** (len(_WEIGHTS) - 1)


def psnr(a, b):
    """Peak signal-to-noise ratio in dB over all samples; infinite for equal pictures.

    Arguments:
        a, b: uint8 arrays of equal shape.
    """
    _check(a, b)
    error = np.mean(np.square(a.astype(np.float32) - b), dtype=np.float64)
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def ssim(a, b):
    """Structural similarity, as `tf.image.ssim` with its defaults; arguments as for `ms_ssim`.

    Returns:
        A float up to 1, the mean over channels; nan if a side is below 11 pixels.
    """
    _check(a, b)
    if min(a.shape[:2]) < _FILTER_SIZE:
        return float("nan")
    a, b = (picture.astype(np.float32) / 255 for picture in (a, b))
    return float(np.mean([_ssim(a[..., c], b[..., c])[0] for c in range(a.shape[2])]))


def ms_ssim(a, b):
    """Multi-scale structural similarity, as `tf.image.ssim_multiscale` with its defaults.

    Arguments:
        a, b: uint8 arrays (height, width, channels) of equal shape.

    Returns:
        A float up to 1, the mean over channels; nan if a side is below 176 pixels, where the
        smallest of the five scales would not hold the filter.
    """
    _check(a, b)
    if min(a.shape[:2]) < MS_SSIM_MIN_SIDE:
        return float("nan")
    return float(np.mean([_ms_ssim_of_plane(a[..., c], b[..., c]) for c in range(a.shape[2])]))


def ms_ssim_db(value):
    """An MS-SSIM value on a logarithmic scale: -10 log10(1 - value); infinite for 1."""
    return float("inf") if value >= 1 else float(-10 * np.log10(1 - value))


def _check(a, b):
    if a.dtype != np.uint8 or b.dtype != np.uint8 or a.shape != b.shape:
        raise ValueError(
            "two uint8 arrays of equal shape are needed, "
            f"not {a.dtype} {a.shape} and {b.dtype} {b.shape}"
        )


def _ms_ssim_of_plane(a, b):
    a, b = (plane.astype(np.float32) / 255 for plane in (a, b))
    factors = []
    for scale in range(len(_WEIGHTS)):
        if scale:
            a, b = _halve(a), _halve(b)
        luminance, contrast = _ssim(a, b)
        factors.append(contrast)
    factors[-1] = luminance
    # Negative similarity at a scale counts as none, as in TensorFlow: a root of it does not exist.
    return np.prod(np.maximum(factors, 0) ** _WEIGHTS)


def _ssim(a, b):
    """Means over a plane of the full SSIM and of its contrast and structure part alone."""
    mean_a, mean_b = _blur(a), _blur(b)
    product, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    covariance = _blur(a * b) - product
    variances = _blur(a * a + b * b) - squares
    contrast = (2 * covariance + _C2) / (variances + _C2)
    full = contrast * (2 * product + _C1) / (squares + _C1)
    return np.mean(full, dtype=np.float64), np.mean(contrast, dtype=np.float64)


def _blur(plane):
    """Convolves with the Gaussian window, one axis after the other, without padding."""
    offsets = np.arange(_FILTER_SIZE) - _FILTER_SIZE // 2
    taps = np.exp(-(offsets**2) / (2 * _FILTER_SIGMA**2))
    taps = (taps / taps.sum()).astype(np.float32)
    for _ in range(2):
        # Each pass filters down the columns and hands on a transposed plane.
        size = len(plane) - _FILTER_SIZE + 1
        half = _FILTER_SIZE // 2
        out = plane[half : half + size] * taps[half]
        for i in range(half):
            mirrored = len(plane) - i
            pair = plane[i : i + size] + plane[mirrored - size : mirrored]
            pair *= taps[i]
            out += pair
        plane = out.T
    return plane


def _halve(plane):
    """Averages 2x2 blocks; an odd side is continued by its last row or column."""
    height, width = plane.shape
    plane = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    rows = plane[0::2] + plane[1::2]
    return (rows[:, 0::2] + rows[:, 1::2]) / 4


def finite(values):
    """A dictionary as JSON can hold it: it has neither infinity nor nan, both become null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
