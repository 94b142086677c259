"""Pictures drawn with Pillow: text, gradients, flat shapes, line art."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from examples.graphics.source import Source


def text(source: Source):
    """Lines of many fonts and sizes on a plain or shaded ground, some of them turned."""
    background = source.colour((0, 0.6), source.pick([(0, 0.25), (0.85, 1)]))
    image = Image.new("RGB", source.size(), background)
    draw, y = ImageDraw.Draw(image), source.whole(4, 30)
    while y < image.height:
        font = source.font(source.whole(9, 44))
        ink = source.contrast(background)
        draw.text((source.whole(4, 60), y), source.text(4, 24), ink, font)
        y += round(font.size * source.rng.uniform(1.1, 1.8))
    if source.rng.random() < 0.25:
        image = image.rotate(source.rng.uniform(-30, 30), Image.Resampling.BICUBIC, False,
                             fillcolor=background)  # fmt: skip
    return image


def gradient(source: Source):
    """Linear and round shades between colours, with or without the noise that hides banding."""
    width, height = source.size()
    y, x = np.mgrid[0:1:height * 1j, 0:1:width * 1j]
    angle = source.rng.uniform(0, 2 * np.pi)
    ramp = np.cos(angle) * x + np.sin(angle) * y
    if source.rng.random() < 0.5:
        ramp = np.hypot(x - source.rng.random(), y - source.rng.random())
    ramp = (ramp - ramp.min()) / np.ptp(ramp)
    stops = source.whole(2, 4)
    colours = np.array([source.colour() for _ in range(stops)], "float64")
    places = np.linspace(0, 1, stops)
    shades = np.stack([np.interp(ramp, places, channel) for channel in colours.T], -1)
    shades += source.rng.normal(scale=source.pick([0, 0, 1.5]), size=shades.shape)
    return Image.fromarray(np.clip(np.rint(shades), 0, 255).astype("uint8"))


def shapes(source: Source):
    """Flat shapes, as in logos, icons and posters, with smooth edges."""
    width, height = source.size()
    image = Image.new("RGB", (2 * width, 2 * height), source.colour())
    draw = ImageDraw.Draw(image)
    for _ in range(source.whole(5, 60)):
        x, y = source.whole(0, 2 * width), source.whole(0, 2 * height)
        size, colour = source.whole(10, 500), source.colour()
        outline = source.pick([None, source.colour()])
        box = (x, y, x + size, y + source.whole(10, 500))
        kind = source.whole(0, 4)
        if kind == 0:
            draw.ellipse(box, colour, outline, source.whole(1, 12))
        elif kind == 1:
            draw.rounded_rectangle(box, source.whole(0, 40), colour, outline, source.whole(1, 8))
        elif kind == 2:
            corners = [(x + source.whole(-size, size), y + source.whole(-size, size))
                       for _ in range(source.whole(3, 7))]  # fmt: skip
            draw.polygon(corners, colour)
        elif kind == 3:
            draw.line((*box[:2], x + source.whole(-size, size), box[3]), colour, source.whole(1, 9))
        else:
            draw.text(box[:2], source.text(1, 3), colour, source.font(max(size // 4, 12)))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def lines(source: Source):
    """Line art: curves on paper, hatched and hard or soft at the edges."""
    width, height = source.size()
    paper = source.colour((0, 0.15), (0.85, 1))
    image = Image.new("RGB", (width, height), paper)
    draw, ink = ImageDraw.Draw(image), source.contrast(paper)
    for _ in range(source.whole(20, 120)):
        steps = source.rng.normal(scale=source.rng.uniform(2, 14), size=(source.whole(8, 90), 2))
        curve = np.cumsum(np.cumsum(steps, 0) * 0.2, 0) + source.rng.uniform(0, (width, height))
        draw.line([tuple(point) for point in curve], ink, source.whole(1, 3), joint="curve")
    for _ in range(source.whole(0, 12)):
        x, y, side = source.whole(0, width), source.whole(0, height), source.whole(20, 150)
        for offset in range(0, side, source.whole(3, 9)):
            draw.line((x + offset, y, x, y + offset), ink, 1)
    soft = source.pick([0, 0, 0.5, 0.9])
    return image.filter(ImageFilter.GaussianBlur(soft)) if soft else image
