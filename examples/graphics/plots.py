"""Plots, tables and maps by matplotlib."""

import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from examples.graphics.source import Source

STYLES = ("default", "ggplot", "bmh", "dark_background", "fivethirtyeight", "grayscale",
          "Solarize_Light2")  # fmt: skip


def plot(source: Source):
    """A figure of one to four panels, in one of several styles and resolutions."""
    width, height = source.size()
    dpi = source.whole(70, 160)
    kinds = (_curves, _bars, _points, _picture, _contours, _table, _map)
    with plt.style.context(source.pick(STYLES)):
        rows, columns = source.pick([(1, 1), (1, 2), (2, 2), (2, 1)])
        figure, axes = plt.subplots(rows, columns, squeeze=False, layout="constrained",
                                    figsize=(width / dpi, height / dpi), dpi=dpi)  # fmt: skip
        for axis in axes.flat:
            source.pick(kinds)(axis, source)
            axis.set_title(_plain(source.text(1, 4)))
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
        plt.close(figure)
    return Image.open(stream).convert("RGB")


def _plain(words):
    return words.replace("$", "")


def _curves(axis, source):
    x = np.linspace(0, source.whole(1, 100), source.whole(8, 300))
    for _ in range(source.whole(1, 7)):
        y = np.cumsum(source.rng.normal(size=len(x)))
        axis.plot(x, y, source.pick(["-", "--", ".-", ":", "o-"]), label=_plain(source.text(1, 2)))
    axis.legend(fontsize="small")
    axis.set_xlabel(_plain(source.text(1, 3)))
    axis.grid(source.rng.random() < 0.6)


def _bars(axis, source):
    count = source.whole(3, 14)
    names = [_plain(source.text(1, 1))[:9] + " " * i for i in range(count)]
    axis.bar(names, source.rng.random(count), color=[np.array(source.colour()) / 255])
    axis.tick_params(axis="x", rotation=source.pick([0, 45, 90]))


def _points(axis, source):
    for _ in range(source.whole(1, 4)):
        x, y = source.rng.normal(size=(2, source.whole(20, 500))) + source.rng.normal(size=(2, 1))
        axis.scatter(x, y, source.whole(2, 40), alpha=source.rng.uniform(0.4, 1))


def _picture(axis, source):
    values = source.rng.normal(size=(source.whole(5, 40), source.whole(5, 40)))
    colours = source.pick(["viridis", "magma", "coolwarm", "Greys", "tab20", "jet"])
    plt.colorbar(axis.imshow(values, cmap=colours, aspect="auto"), ax=axis)


def _contours(axis, source):
    x, y = np.mgrid[-3:3:80j, -3:3:80j]
    a, b, c = source.rng.uniform(0.5, 2, 3)
    draw = source.pick([axis.contour, axis.contourf])
    draw(np.sin(a * x) * np.cos(b * y) + c * np.exp(-(x**2) - y**2), source.whole(5, 20))


def _table(axis, source):
    axis.axis("off")
    columns = source.whole(2, 5)
    cells = [[f"{value:.{source.whole(0, 3)}f}" for value in source.rng.normal(size=columns) * 99]
             for _ in range(source.whole(3, 16))]  # fmt: skip
    axis.table(cells, colLabels=[_plain(source.text(1, 1))[:10] for _ in range(columns)],
               loc="center")  # fmt: skip


def _map(axis, source):
    """Made-up countries, rivers and names."""
    for _ in range(source.whole(5, 30)):
        angles = np.linspace(0, 2 * np.pi, source.whole(20, 80))
        radius = 1 + 0.3 * np.cumsum(source.rng.normal(size=len(angles))) / 10
        centre = source.rng.uniform(0, 10, 2)
        land = np.array(source.colour((0.1, 0.5), (0.7, 1))) / 255
        axis.fill(centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles),
                  color=land, ec="0.4", lw=0.6)  # fmt: skip
        name, size = _plain(source.text(1, 1))[:12], source.whole(5, 10)
        axis.text(*centre, name, fontsize=size, ha="center")
    axis.set_facecolor("#aad3df")
