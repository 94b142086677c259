"""A strip of pictures: one photograph as several codecs decode it from files of equal size."""

import sys
from pathlib import Path

from alic_tf import errors, files, flags
from alic_tf.flags import Flag

USAGE = """\
usage: python -m alic_tf.evaluation.strip PICTURE --bytes N --out FILE [--codecs LIST] [--zoom ...]

Codes a picture with several codecs, each with the largest file of at most N bytes, or its smallest
file if that is larger, and draws them side by side, whole and zoomed, with their bytes and PSNR.
"""

FLAGS = (
    Flag("integer", "bytes", 5000, "N", "size of the files", "", (1, None)),
    Flag("string", "out", None, "FILE", "picture to write", short="o"),
    Flag("list", "codecs", ["dwan", "avif", "webp", "jpeg"], "A,B,...", "as of alic evaluate"),
    Flag("list", "zoom", None, "X,Y,W,H", "what is zoomed; by default the middle third"),
    flags.HELP,
)
# In pixels.
COLUMN, GAP, LINE = 300, 8, 22


def run(argv):
    """Parses the command line and draws; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS, most=1)
    if values is None:
        return 0
    if not values.arguments or not values.out:
        raise errors.UsageError("give a picture and --out")
    files.check_writable(Path(values.out).parent)

    from alic_tf.command.evaluate import codecs_of, whole_numbers
    from alic_tf.evaluation import runner

    zoom = whole_numbers("zoom", values.zoom)
    codecs = codecs_of(values.codecs, None, Path(values.out).parent)
    image = runner.read(Path(values.arguments[0]))
    strip = draw(image, layers(image, codecs, values.bytes), zoom or middle_third(image))
    with files.replacing(values.out) as temporary:
        strip.save(temporary, Path(values.out).suffix[1:], lossless=True)
    print(values.out)
    return 0


def layers(image, codecs, limit):
    """(labels, array) of a picture uint8 [h, w, 3] by each of several codecs."""
    from alic_tf import metrics
    from alic_tf.evaluation.pictures import at_most

    yield ("original", f"{image.nbytes:,} bytes of pixels"), image
    for codec in codecs:
        codec.load()
        data = at_most(codec, image, limit) or codec.encode(image, codec.settings[0])
        decoded = codec.decode(data)
        yield (codec.name, f"{len(data):,} bytes, {metrics.psnr(image, decoded):.1f} dB"), decoded


def middle_third(image):
    """x, y, width and height of the middle of a picture."""
    height, width = image.shape[:2]
    return width // 3, height // 3, width // 3, height // 3


def draw(image, layers, zoom):
    """The strip, a Pillow image: a column for each layer, whole above, zoomed below."""
    from PIL import Image, ImageDraw, ImageFont

    layers = list(layers)
    height, width = image.shape[:2]
    x, y, zoom_width, zoom_height = zoom
    tall = [round(COLUMN * height / width), round(COLUMN * zoom_height / zoom_width)]
    size = len(layers) * (COLUMN + GAP) - GAP, sum(tall) + GAP + 2 * LINE
    strip = Image.new("RGB", size, "white")
    canvas, font = ImageDraw.Draw(strip), ImageFont.load_default(15)
    for i, (labels, array) in enumerate(layers):
        left, picture = i * (COLUMN + GAP), Image.fromarray(array)
        for line, text in enumerate(labels):
            canvas.text((left, line * LINE), text, "black", font)
        whole = picture.resize((COLUMN, tall[0]), Image.Resampling.LANCZOS)
        strip.paste(whole, (left, 2 * LINE))
        part = picture.crop((x, y, x + zoom_width, y + zoom_height))
        part = part.resize((COLUMN, tall[1]), Image.Resampling.BICUBIC)
        strip.paste(part, (left, 2 * LINE + tall[0] + GAP))
    return strip


if __name__ == "__main__":
    sys.exit(flags.main(run, sys.argv))
