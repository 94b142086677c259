"""Photographs as people pass them on: with captions, smoothed, saturated, cut out."""

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from examples.graphics.source import Source


def _photograph(source: Source):
    return Image.fromarray(source.pick(source.photographs))


def captioned(source: Source):
    """With a line or two of outlined or boxed text."""
    image = _photograph(source)
    draw = ImageDraw.Draw(image)
    for place in source.pick([(0.05,), (0.82,), (0.04, 0.84)]):
        size = image.height // source.whole(9, 20)
        line = source.text(2, 7)
        where = (image.width // 2, round(place * image.height))
        if source.rng.random() < 0.5:
            draw.text(where, line, "white", source.font(size), "ma", stroke_width=size // 12,
                      stroke_fill="black")  # fmt: skip
        else:
            font = source.font(size)
            box, ground = draw.textbbox(where, line, font, "ma"), source.colour()
            draw.rectangle((box[0] - 8, box[1] - 6, box[2] + 8, box[3] + 6), ground)
            draw.text(where, line, source.contrast(ground), font, "ma")
    return image


def smooth(source: Source):
    """Enlarged or denoised, as telephones and editors do it."""
    image = _photograph(source)
    if source.rng.random() < 0.5:
        factor = source.rng.uniform(1.4, 2.5)
        sides = (round(image.width * factor), round(image.height * factor))
        return image.resize(sides, source.pick([Image.Resampling.BICUBIC, Image.Resampling.LANCZOS,
                                                Image.Resampling.BILINEAR]))  # fmt: skip
    if source.rng.random() < 0.5:
        return image.filter(ImageFilter.MedianFilter(source.pick([3, 5])))
    return image.filter(ImageFilter.GaussianBlur(source.rng.uniform(0.6, 2.5)))


def saturated(source: Source):
    """Colours and contrast turned up."""
    image = ImageEnhance.Color(_photograph(source)).enhance(source.rng.uniform(1.4, 2.6))
    return ImageEnhance.Contrast(image).enhance(source.rng.uniform(0.9, 1.4))


def cut_out(source: Source):
    """A soft-edged part of a photograph before a flat, often saturated ground, as of a studio."""
    image = _photograph(source)
    y, x = np.mgrid[-1:1:image.height * 1j, -1:1:image.width * 1j]
    centre, radii = source.rng.uniform(-0.3, 0.3, 2), source.rng.uniform(0.35, 0.8, 2)
    distance = np.hypot((x - centre[0]) / radii[0], (y - centre[1]) / radii[1])
    mask = np.clip((1 - distance) * source.rng.uniform(20, 200), 0, 1)
    ground = Image.new("RGB", image.size, source.colour((0.3, 1), (0.3, 1)))
    return Image.composite(image, ground, Image.fromarray((255 * mask).astype("uint8")))
