"""`alic encode`: pictures to .alic files; `alic encode --help` says how.

All that can be refused is refused before TensorFlow, which takes seconds, is imported.
"""

import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from alic_tf import efforts, errors, flags
from alic_tf.bitstream.quality_steps import DEFAULT_QUALITY
from alic_tf.command import batch, options
from alic_tf.flags import Flag

USAGE = """\
usage: alic encode PATH ... [--output PATH] [--quality Q] [--verify] ...

Compresses pictures, and all pictures in folders, into .alic files. A PATH of "-" is standard input
or output; the line about the file then goes to standard error.
"""

FLAGS = (
    options.OUTPUT,
    options.MODEL,
    Flag("integer", "num_filters", None, "N", "the paper's model of so many channels, 128 or 256; "
         "beside --model, a check of it"),
    Flag("float", "quality", DEFAULT_QUALITY, "Q", "from 1, the smallest file, to the number of "
         "the model's qualities; fractions are allowed; a model with a single rate ignores it", "",
         (1, None), "q"),
    Flag("float", "target_bpp", None, "B", "instead: the best quality with at most so many bits "
         "per pixel", "", (0, None)),
    Flag("integer", "max_bytes", None, "N", "instead: the best quality with at most so many bytes",
         "", (1, None)),
    Flag("float", "target_psnr", None, "P", "instead: the smallest file with at least so many dB",
         "", (0, None)),
    Flag("integer", "effort", 0, "E", "how long to search for a file that costs less: 0 not at "
         "all, 9 for minutes; control-C ends the search, and the best so far is written", "",
         (0, efforts.MOST), "e"),
    options.DROP_METADATA,
    Flag("string", "alpha", "webp", "FORM", "hold transparency as webp, or as png, which model "
         "servers decode, too"),
    Flag("boolean", "verify", False, "", "decode what was coded, compare the latents with those "
         "that were encoded, and measure the quality", short="v"),
    Flag("string", "report", None, "DIR", "decode too, measure the quality, and write report.json "
         "and report.csv there; the .alic files, too, without --output"),
    *options.OF_WORK,
)  # fmt: skip

# The paper's models by their numbers of channels.
OF_FILTERS = {128: "fu2022", 256: "fu2022-256"}
# Flags that decide on the quality, with the kind of `targets.Target` they stand for.
TARGETS = {"target_bpp": "bpp", "max_bytes": "bytes", "target_psnr": "psnr"}


def run(argv):
    """Parses the command line and encodes; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS, most=None)
    return 0 if values is None else encode(values.arguments, values)


def encode(sources, values):
    """Encodes pictures and folders of pictures.

    Arguments:
        sources: paths, or "-".
        values: `flags.Values` of `FLAGS`.

    Returns:
        the exit code.
    """
    target = _target(values)
    for path in (values.output, values.report):
        if path == "":
            raise errors.UsageError("a path is empty")
    batch.check_sources(sources)
    model = _model(values)

    from alic_tf.command import codecs, report

    codecs.check_quality(model, values.quality if "quality" in values.given else None)
    from alic_tf import metrics, targets
    from alic_tf.pictures import alpha, images

    if values.alpha not in alpha.FORMS:
        raise errors.UsageError(f"--alpha must be webp or png, not {values.alpha!r}")
    folder = values.report and f"{values.report}/"
    items = batch.plan(sources, values.output or folder, images.find, ".alic", values)
    reports = [Path(values.report, name) for name in report.NAMES] if values.report else []
    batch.check_outputs(items, reports, values.overwrite)
    if values.dry_run:
        return batch.rehearse(items, values)
    codecs.lift_limit_of_pillow()

    def encode_one(item, advance, searching=None):
        picture = images.open_picture(item.read() if item.path is batch.STDIN else item.path)
        picture = replace(picture, alpha_form=values.alpha)
        if values.drop_metadata:
            picture = picture.without_metadata()
        height, width, _ = picture.rgb.shape
        codec = codecs.encoder(model)
        if searching:
            advance = searching.guarded(advance)
        else:
            advance = codecs.if_large(width, height, advance)
        start = time.perf_counter()
        if target:
            quality, data, latents = targets.search(codec, picture, target, values.effort, advance)
        else:
            quality = values.quality
            data, latents = codec.encode_with_latents(picture, quality, advance, values.effort)
        seconds = time.perf_counter() - start
        row = report.Row(item.name, width, height, len(data), seconds)
        if values.verify:
            _verify(codec, data, latents)
        if values.verify or values.report:
            codecs.warm_up(codec, "decoding")
            start = time.perf_counter()
            decoded = codec.decode_picture(data)
            row.decode_seconds = time.perf_counter() - start
            row.judge(picture.rgb, decoded.rgb)
        batch.write(item.target, data)
        notes = [f", quality {quality:g}"] if target else []
        notes += [", latents verified"] if values.verify else []
        record = {"model": codec.name, "quality": quality} | metrics.finite(asdict(row))
        return batch.Done(f"{item.target}: {row}{''.join(notes)}", record, row)

    if values.effort:
        from alic_tf.command.interruption import searches

        with searches() as searching:
            work = partial(encode_one, searching=searching)
            rows, failed = batch.for_each(items, work, values)
    else:
        rows, failed = batch.for_each(items, encode_one, values)
    if rows and (values.report or len(items) > 1 or Path(sources[0]).is_dir()):
        batch.say(report.closing_text(rows), items[0].target, values)
    if values.report:
        asked = {"target": target._asdict()} if target else {"quality": values.quality}
        report.write(Path(values.report), rows, failed, model=model, **asked)
    return 1 if failed else 0


def _target(values):
    """The `Target` that is asked for instead of a quality, or None."""
    given = [name for name in ("quality", *TARGETS) if name in values.given]
    if len(given) > 1:
        raise errors.UsageError(f"--{given[0]} does not go with --{given[1]}")
    if not given or given == ["quality"]:
        return None
    from alic_tf.targets import Target

    return Target(TARGETS[given[0]], values[given[0]])


def _model(values):
    """Name or path of the model; raises UsageError if it has not as many channels as asked for."""
    count = values.num_filters
    if count is None:
        return values.model
    if "model" not in values.given:
        if count not in OF_FILTERS:
            raise errors.UsageError(f"--num_filters must be 128 or 256, not {count}")
        return OF_FILTERS[count]
    from alic_tf.command import codecs

    found = codecs.configuration(values.model)["transform"].get("filters")
    if found != count:
        raise errors.UsageError(f"--num_filters is {count}, but {values.model} has {found}")
    return values.model


def _verify(codec, data, latents):
    """Raises VerificationFailed unless the bytes decode to these latents, array by array."""
    import numpy as np

    decoded = codec.latents(data)
    if decoded.keys() != latents.keys():
        raise errors.VerificationFailed("verification failed: other latents than were encoded")
    for name, expected in latents.items():
        if not np.array_equal(decoded[name], expected):
            raise errors.VerificationFailed(f"verification failed: {name} does not decode equal")
