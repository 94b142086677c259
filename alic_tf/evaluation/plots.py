"""Rate-distortion plots, as SVG for a page and as PNG for a document."""

import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from alic_tf.evaluation.rate_distortion import BPP_RANGE, METRICS

# Text stays text, and equal plots are equal bytes.
_SVG = {"svg.fonttype": "none", "svg.hashsalt": "alic_tf", "font.family": "sans-serif"}
_OURS = ("#d62728", "#ff9896", "#8b0000")
_COLORS = {
    "jpeg": "#7f7f7f", "JPEG (paper)": "#7f7f7f", "webp": "#1f77b4", "WebP (paper)": "#1f77b4",
    "jpeg2000": "#8c564b", "JPEG 2000 (paper)": "#8c564b", "avif": "#9467bd", "avif420": "#c5b0d5",
    "heic": "#5f9ea0", "jxl": "#bcbd22", "VVC-Intra 4:4:4": "#ff7f0e", "BPG 4:4:4": "#b8860b",
    "Fu et al. 2022": "#000000", "GLLMM 2022": "#1f4e9c", "Cheng 2020": "#17becf",
    "Chen 2021": "#2ca02c", "Hu 2021": "#98df8a", "Lee 2019": "#e377c2",
}  # fmt: skip
_STYLES = {
    "learned": {"marker": "o", "markersize": 6, "linewidth": 2.6, "zorder": 5},
    "classical": {"marker": "s", "markersize": 3, "linewidth": 1.3, "zorder": 4},
    "paper": {"marker": ".", "linewidth": 1, "linestyle": "--", "zorder": 3},
}
_FOR_MS_SSIM = {"linestyle": ":"}
# Names for people who have not read the papers.
_NAMES = {"jpeg": "JPEG", "webp": "WebP", "jpeg2000": "JPEG 2000", "avif": "AVIF",
          "BPG 4:4:4": "BPG", "VVC-Intra 4:4:4": "VVC", "Fu et al. 2022": "Fu et al. (paper)"}


def figure(learned, classical, paper):
    """The plots of PSNR and of MS-SSIM in decibels, over bits per pixel, side by side.

    Args:
        learned, classical, paper: lists of `Curve`: ours, drawn strong; others measured; published
            ones, drawn dashed.

    Returns:
        A matplotlib figure, for `svg` and `png`.
    """
    drawing = Figure(figsize=(14, 6.5), layout="constrained")
    lines = {}
    for axes, metric in zip(drawing.subplots(1, 2), METRICS):
        for curve, style in _styled(learned, classical, paper):
            if metric == "psnr" and curve.trained_for == "ms-ssim":
                continue  # says nothing about such a model
            bpp, quality = curve.known(metric)
            shown = bpp <= BPP_RANGE[1]
            if shown.any():
                (line,) = axes.plot(bpp[shown], quality[shown], label=curve.name, **style)
                lines.setdefault(curve.name, line)
        axes.set(xlabel="bits per pixel", ylabel=f"{METRICS[metric]} (dB)", xlim=(0, None))
        axes.grid(alpha=0.3)
    drawing.legend(handles=list(lines.values()), loc="outside right upper", fontsize="small")
    return drawing


def labelled(curves):
    """One plot of PSNR over bits per pixel, as far as all curves go, their names where they end.

    Args:
        curves: list of `Curve`, the first of which is drawn strong.
    """
    drawing = Figure(figsize=(8, 5.2), layout="constrained")
    axes = drawing.subplots()
    points = [curve.known("psnr") for curve in curves]
    until, ends = min(bpp[-1] for bpp, _ in points), []
    for i, (curve, (bpp, quality)) in enumerate(zip(curves, points)):
        color = _OURS[0] if i == 0 else _COLORS.get(curve.name, "#444444")
        end = np.interp(until, bpp, quality)
        shown = bpp < until
        axes.plot([*bpp[shown], until], [*quality[shown], end], color=color,
                  linewidth=3 if i == 0 else 1.4, zorder=5 if i == 0 else 3)
        ends.append((end, _NAMES.get(curve.name, curve.name), color))
    axes.set(xlabel="bits per pixel", ylabel="PSNR (dB), mean of the 24 Kodak pictures",
             xlim=(0, 1.22 * until))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    apart = 0.045 * (axes.get_ylim()[1] - axes.get_ylim()[0])
    height = float("inf")
    for end, name, color in sorted(ends, reverse=True):
        height = min(end, height - apart)
        axes.annotate(name, (until, end), (1.03 * until, height), color=color, va="center")
    return drawing


def svg(drawing):
    """The figure as an <svg> element, for a page."""
    stream = io.StringIO()
    with matplotlib.rc_context(_SVG):
        drawing.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def png(drawing, path, note=""):
    """Writes the figure to a PNG file, with a note that Pillow reads as its `text["Comment"]`."""
    drawing.savefig(path, format="png", dpi=100, metadata={"Software": None, "Comment": note})


def _styled(learned, classical, paper):
    """Pairs (curve, style), in the order of the legend."""
    for i, curve in enumerate(learned):
        yield curve, {"color": _OURS[i % len(_OURS)], **_STYLES["learned"]}
    for kind, curves in (("classical", classical), ("paper", paper)):
        for curve in curves:
            color = _COLORS.get(curve.name.removesuffix(" (MS-SSIM)"), "#444444")
            dotted = _FOR_MS_SSIM if curve.trained_for == "ms-ssim" else {}
            yield curve, {"color": color, **_STYLES[kind], **dotted}
