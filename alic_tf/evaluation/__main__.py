"""Compares codecs on pictures; `python -m alic_tf.evaluation --help` says how."""

import os
import sys
from pathlib import Path

from alic_tf import commands, errors, files
from alic_tf.commands import Flag

USAGE = """\
usage: python -m alic_tf.evaluation --data DIR [--codecs LIST] [--out DIR] [--jobs N] ...

Encodes all pictures of a folder to real files and decodes them, with our models and with classical
codecs, and writes a report: report.html, report.md, rate_distortion.png and a JSON file per codec.
An interrupted run goes on where it stopped; what is finished is not repeated.
"""

FLAGS = (
    Flag("string", "data", None, "DIR", "folder of pictures; for the 24 Kodak pictures, published "
         "results are reported beside the measured ones"),
    Flag("list", "codecs", ["dwan", "jpeg", "jpeg2000", "webp", "avif"], "A,B,...", "names of our "
         "models, folders of exported ones, and classical codecs: jpeg, jpeg2000, webp, avif, "
         "avif420, and with their plugins heic and jxl"),
    Flag("list", "qualities", None, "1,2,...", "qualities of our models to measure (default all)"),
    Flag("list", "anchors", None, "A,B,...", "codecs that BD-rates refer to, measured or published "
         "ones (default VVC, BPG and JPEG)"),
    Flag("integer", "jobs", 1, "N", "processes that work at once", "", (1, 1024)),
    Flag("integer", "pictures", 0, "N", "also write pictures.html: the first N pictures, by all "
         "codecs, at the size of the first one's files", "", (0, 10**6)),
    Flag("string", "out", "runs/evaluation", "DIR", "folder of the report"),
    commands.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line, measures and reports; returns the exit code."""
    values = commands.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    if values.data is None:
        raise errors.UsageError("give the folder of pictures with --data")
    if not Path(values.data).is_dir():
        raise errors.UsageError("no such folder", values.data)
    if not values.out:
        raise errors.UsageError("a path is empty")
    files.check_writable(values.out)

    from alic_tf import images
    from alic_tf.evaluation import page, pictures, results, runner

    paths = images.find(values.data)
    if not paths:
        raise errors.UsageError("no pictures in this folder", values.data)
    codecs = codecs_of(values.codecs, whole_numbers(values.qualities))
    names = [path.name for path in paths]
    page.check_anchors(values.anchors, [codec.name for codec in codecs], names)
    measured, failed = runner.run(codecs, paths, values.out, values.jobs)
    summaries = [
        results.summarize(codec, measured[codec.name], names, values.jobs) for codec in codecs
    ]
    summaries = [summary for summary in summaries if summary["pictures"]]
    if not summaries:
        raise errors.AlicError("all pictures failed", values.data)
    for summary in summaries:
        results.write(values.out, summary)
    page.write(values.out, summaries, values.anchors)
    if values.pictures:
        pictures.write(values.out, codecs, paths[: values.pictures])
    print(f"{Path(values.out, page.PAGE)}: {', '.join(s['name'] for s in summaries)}")
    if failed:
        print(f"{len(failed)} of {len(paths)} pictures failed", file=sys.stderr)
    return 1 if failed else 0


def codecs_of(names, qualities):
    """The codecs of these names, ready to be asked for their settings.

    Raises:
        UsageError: a name is unknown, or names two codecs that would share their results.
    """
    from alic_tf.evaluation.baselines import CODECS
    from alic_tf.evaluation.learned import Learned

    codecs = {}
    for name in names:
        codec = CODECS[name].load() if name in CODECS else Learned(name, qualities)
        if codec.name in codecs:
            raise errors.UsageError(f"two codecs are named {codec.name}")
        codecs[codec.name] = codec
    if not codecs:
        raise errors.UsageError("give at least one codec with --codecs")
    return list(codecs.values())


def whole_numbers(texts):
    """Strings as integers; None as it is."""
    try:
        return texts and [int(text) for text in texts]
    except ValueError as error:
        raise errors.UsageError("--qualities must be whole numbers, as in 1,4,8") from error


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(commands.main(run, sys.argv))
