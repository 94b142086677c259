"""Makes the graphics that a codec for all pictures is trained and tested on, beside photographs:

    python -m examples.graphics --photographs DIR --out DIR [--count 400] [--part train|test]

pages and interfaces (Chromium), plots, tables and maps (matplotlib), text, gradients, flat shapes
and line art (Pillow), photographs with captions, smoothed, saturated or cut out. A picture depends
on its number and the part alone. The parts share neither texts nor fonts nor photographs.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

from alic_tf.progress import bar
from alic_tf.training.data import load_photographs
from examples.graphics import drawings, pages, photographs, plots
from examples.graphics.source import Source

# How often each kind comes, beside pages.
KINDS = (
    plots.plot, plots.plot, drawings.text, drawings.text, drawings.gradient, drawings.shapes,
    drawings.lines, photographs.captioned, photographs.smooth, photographs.saturated,
    photographs.cut_out,
)  # fmt: skip
PAGES = 5
LARGEST = 1200, 1000
SEEDS = {"train": 1, "test": 2}


def make(number, part, taken, chromium):
    """(name of its kind, Pillow image) of the picture of this number."""
    source = Source.of(part, taken, np.random.default_rng((SEEDS[part], number)))
    kind = number % (len(KINDS) + PAGES)
    if kind < PAGES:
        return "page", pages.page(source, chromium)
    function = KINDS[kind - PAGES]
    return function.__name__, function(source)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photographs", required=True, help="folder of photographs or tar shards")
    parser.add_argument("--out", required=True, type=Path, help="folder to write PNG files to")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--part", choices=SEEDS, default="train")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    given = parser.parse_args()
    if not given.chromium:
        parser.error("no chromium on the PATH; give --chromium")
    taken = load_photographs(given.photographs, 256)
    given.out.mkdir(parents=True, exist_ok=True)
    with bar(given.count) as advance:
        for number in range(given.count):
            kind, image = make(number, given.part, taken, given.chromium)
            image = image.crop((0, 0, min(image.width, LARGEST[0]), min(image.height, LARGEST[1])))
            image.save(given.out / f"{number:04}-{kind}.png")
            advance(1)
    print(f"{given.count} pictures in {given.out}")


if __name__ == "__main__":
    sys.exit(main())
