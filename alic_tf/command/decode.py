"""`alic decode`: .alic files to pictures; `alic decode --help` says how."""

import time
from pathlib import Path

from alic_tf import errors, flags
from alic_tf.bitstream import container
from alic_tf.command import batch, options
from alic_tf.flags import Flag

USAGE = """\
usage: alic decode PATH ... [--output PATH] ...

Decodes .alic files, and all of them in folders, to pictures. A PATH of "-" is standard input or
output; the line about the file then goes to standard error.
"""

FLAGS = (
    options.OUTPUT,
    options.MODEL,
    options.DROP_METADATA,
    Flag("string", "format", None, "ENDING", "format to decode to where --output does not say: "
         "png, jpg, webp or tiff (default png)"),
    Flag("integer", "output_quality", None, "N", "of JPEG and WebP, from 1 to 100, which means "
         "without loss for WebP (default 95)", "", (1, 100)),
    Flag("integer", "max_side", container.MAX_SIDE, "N", "refuse files with longer pictures", "",
         (1, container.MAX_SIDE)),
    Flag("integer", "max_pixels", container.MAX_PIXELS, "N", "refuse files with larger pictures",
         "", (1, container.MAX_PIXELS)),
    *options.OF_WORK,
)  # fmt: skip


def run(argv):
    """Parses the command line and decodes; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS, most=None)
    return 0 if values is None else decode(values.arguments, values)


def decode(sources, values):
    """Decodes .alic files and folders of them.

    Arguments:
        sources: paths, or "-".
        values: `flags.Values` of `FLAGS`.

    Returns:
        the exit code.
    """
    if values.output == "":
        raise errors.UsageError("a path is empty")
    batch.check_sources(sources)
    if values.format and batch.names_a_file(sources, values.output):
        raise errors.UsageError("--format does not go with an --output that has an ending")

    from alic_tf.command import codecs
    from alic_tf.pictures import images

    ending = f".{values.format or 'png'}"
    items = batch.plan(sources, values.output, batch.find_alic, ending, values)
    if len(items) == 1 and items[0].path is not batch.STDIN:
        _check_start(items[0].path)
    batch.check_outputs(items, [], values.overwrite)
    forms = {
        item.target: images.check_format(
            f"stdout{ending}" if item.target is batch.STDOUT else item.target
        )
        for item in items
    }
    for form in forms.values():
        if values.output_quality and not images.has_quality(form):
            raise errors.UsageError(f"--output_quality does not go with {form}")
    if values.dry_run:
        return batch.rehearse(items, values)
    codecs.lift_limit_of_pillow()
    asked = values.model if "model" in values.given else None

    def decode_one(item, advance):
        data = item.read()
        header, _ = container.unpack(data, values.max_side, values.max_pixels)
        codec = codecs.decoder(header.model_id, asked)
        start = time.perf_counter()
        picture = codec.decode_picture(
            data, codecs.if_large(header.width, header.height, advance)
        )
        seconds = time.perf_counter() - start
        if values.drop_metadata:
            picture = picture.without_metadata()
        quality = values.output_quality or images.DEFAULT_QUALITY
        batch.write(item.target, images.encode(picture, forms[item.target], quality))
        record = {"model": codec.name, "width": header.width, "height": header.height,
                  "decode_seconds": seconds}  # fmt: skip
        return batch.Done(
            f"{item.target}: {header.width}x{header.height}, {seconds:.2f} s", record, seconds
        )

    times, failed = batch.for_each(items, decode_one, values)
    if times and (len(items) > 1 or Path(sources[0]).is_dir()):
        average = f"average of {len(times)}: {sum(times) / len(times):.3f} s"
        batch.say(average, items[0].target, values)
    return 1 if failed else 0


def _check_start(path):
    """Raises for a file of another kind: it, and not its output, is then what is wrong."""
    try:
        with open(path, "rb") as file:
            container.check_start(file.read(container.START_BYTES))
    except errors.AlicError as error:
        error.path = path
        raise
