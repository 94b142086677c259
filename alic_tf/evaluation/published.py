"""Published results on the 24 Kodak pictures, as data: rate-distortion curves and complexity.

data/kodak_published.csv holds the points of figure 5 of Fu et al. (arXiv 2206.10618), read from its
vector graphics, without the end points that only mark where a line leaves the axes;
data/kodak_measured.csv classical codecs that were run for this project on the same pictures;
data/kodak_complexity.csv the paper's Table I; data/kodak_ablation.csv points of its figures 7 and
9, for names of `variants.VARIANTS`. Each row names its source.
"""

import csv
import functools
from pathlib import Path

from alic_tf.evaluation.rate_distortion import Curve

_DATA = Path(__file__).parent / "data"
KODAK = frozenset(f"kodim{i:02d}" for i in range(1, 25))


@functools.cache
def paper():
    """Curves of Fu et al. 2022, figure 5, as {name: Curve}."""
    return _curves(_rows("kodak_published"))


@functools.cache
def measured():
    """Curves of classical codecs, measured as `baselines` does, as {name: Curve}."""
    return _curves(_rows("kodak_measured"))


@functools.cache
def complexity():
    """Rows of Table I of Fu et al. 2022: dictionaries of strings."""
    return tuple(_rows("kodak_complexity"))


@functools.cache
def ablation(figure):
    """Curves of "figure 7" or "figure 9" of Fu et al. 2022, as {name of a variant: Curve}."""
    return _curves(row for row in _rows("kodak_ablation") if row["figure"] == figure)


def is_kodak(names):
    """Whether these files are the pictures that published results are averages of."""
    return {Path(name).stem for name in names} == KODAK


def _curves(rows):
    points, trained_for = {}, {}
    for row in rows:
        point = tuple(float(row[key] or "nan") for key in ("bpp", "psnr", "ms_ssim"))
        points.setdefault(row["codec"], []).append(point)
        trained_for[row["codec"]] = row["trained_for"]
    return {name: Curve(name, tuple(p), trained_for[name]) for name, p in points.items()}


def _rows(table):
    with open(_DATA / f"{table}.csv", newline="") as stream:
        return list(csv.DictReader(stream))
