"""Rate-distortion curves: the Bjontegaard delta rate, and quality at a given rate."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from alic_tf.metrics import ms_ssim_db

# Points outside this range of bits per pixel do not count: nobody chooses a codec there.
BPP_RANGE = (0.05, 1.35)
METRICS = {"psnr": "PSNR", "ms_ssim_db": "MS-SSIM"}


@dataclass(frozen=True)
class Curve:
    """What a codec reaches, averaged over a set of pictures.

    Arguments:
        name: of the codec.
        points: tuples (bpp, psnr in dB, ms_ssim); nan for what is not known.
        trained_for: "mse", "ms-ssim", or "none" for codecs that are not trained.
    """

    name: str
    points: tuple
    trained_for: str = "mse"

    def known(self, metric):
        """Arrays (bpp, quality in dB) of the points that have this metric, by rising rate.

        MS-SSIM is averaged over pictures first and made decibels then, as in publications.

        Arguments:
            metric: one of `METRICS`.
        """
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {tuple(METRICS)}, not {metric!r}")
        bpp, psnr, ms_ssim = np.array(sorted(self.points), float).reshape(-1, 3).T
        quality = psnr if metric == "psnr" else np.array([ms_ssim_db(x) for x in ms_ssim])
        finite = np.isfinite(quality)
        return bpp[finite], quality[finite]


def bd_rate(anchor, curve, metric="psnr"):
    """Bjontegaard delta rate: bits that `curve` needs more than `anchor` for equal quality.

    The logarithm of the rate is interpolated over the quality by piecewise cubic Hermite
    polynomials and averaged over the interval of qualities that both curves have. (G. Bjontegaard,
    "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001, fitted one cubic
    polynomial, which swings between points far apart.) A curve of one point, that of a model of one
    rate, is compared at its quality.

    Returns:
        Per cent, negative if `curve` is better; None if no point of either curve lies in
        `BPP_RANGE`, their quality does not rise with the rate, or they have no quality in common.
    """
    known = [_in_range(c, metric) for c in (anchor, curve)]
    if any(len(quality) == 0 or np.any(np.diff(quality) <= 0) for _, quality in known):
        return None
    low = max(quality[0] for _, quality in known)
    high = min(quality[-1] for _, quality in known)
    if low > high:
        return None
    of_anchor, of_curve = (_mean_log_rate(*points, low, high) for points in known)
    return float(100 * np.expm1(of_curve - of_anchor))


def quality_at(curve, bpp, metric="psnr"):
    """Quality in dB at a rate, interpolated over its logarithm; None outside of the curve."""
    rates, quality = curve.known(metric)
    if len(rates) < 2 or not rates[0] <= bpp <= rates[-1] or np.any(np.diff(rates) <= 0):
        return None
    return float(PchipInterpolator(np.log(rates), quality)(np.log(bpp)))


def _in_range(curve, metric):
    """The points of a curve in `BPP_RANGE`, as `Curve.known` gives them."""
    bpp, quality = curve.known(metric)
    counts = (bpp >= BPP_RANGE[0]) & (bpp <= BPP_RANGE[1])
    return bpp[counts], quality[counts]


def _mean_log_rate(bpp, quality, low, high):
    """Mean logarithm of the rate between two qualities within the curve, or at one."""
    if len(quality) == 1:
        return np.log(bpp[0])
    log_rate = PchipInterpolator(quality, np.log(bpp))
    return log_rate(low) if low == high else log_rate.integrate(low, high) / (high - low)
