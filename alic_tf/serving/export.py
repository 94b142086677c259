"""Saves a model for TensorFlow Serving: `python -m alic_tf.serving.export --help`."""

import os
import sys
import tempfile
from pathlib import Path

from alic_tf import commands, container, errors, files
from alic_tf.commands import Flag

USAGE = """\
usage: python -m alic_tf.serving.export --model NAME --out FOLDER/VERSION ...

Saves a model as a SavedModel that TensorFlow Serving loads as it is: see docs/serving.md.
"""

FLAGS = (
    Flag("string", "model", "dwan", "NAME", "model: a name, or the folder or file of an exported "
         "one"),
    Flag("string", "out", None, "DIR", "folder to write, whose name is a version number, such as "
         "saved_models/dwan_serving/1"),
    Flag("integer", "max_pixels", 2**24, "N", "refuse larger pictures, which are not cut into "
         "tiles here", bounds=(1, container.MAX_PIXELS)),
    Flag("boolean", "warmup", True, "", "add requests with which a server warms up"),
    commands.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line and exports; returns the exit code."""
    values = commands.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    out = Path(values.out or "")
    if not out.name.isdecimal():
        raise errors.UsageError("--out must end with a version number, such as .../1")
    if out.exists():
        raise errors.UsageError("exists; take the next version number", out)
    files.check_writable(out.parent)
    from alic_tf import zoo

    try:
        codec = zoo.load(values.model)
    except errors.UnknownModel as error:
        raise errors.UsageError(error.cause, error.path) from error
    save(codec, out, values.max_pixels, values.warmup)
    size = sum(path.stat().st_size for path in out.rglob("*"))
    print(f"{out}: {codec.name}, {size / 2**20:.1f} MiB")
    return 0


def save(codec, out, max_pixels, warmup=False):
    """Writes a SavedModel at once.

    Args:
        codec: the `Codec`.
        out: folder that does not exist yet.
        max_pixels: larger pictures are refused.
        warmup: whether to add requests with which a server warms up; left out, with a line on
            stderr, where the package tensorflow-serving-api is not installed.
    """
    import tensorflow as tf

    from alic_tf.serving import warmup as requests
    from alic_tf.serving.servable import Servable

    servable = Servable(codec, max_pixels)
    functions = servable.functions()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export_", dir=out.parent) as folder:
        saved = Path(folder, out.name)
        signatures = {"serving_default": functions["decode"], **functions}
        tf.saved_model.save(servable, str(saved), signatures)
        if warmup and not requests.write(codec, saved):
            print("warm-up requests are left out: pip install --no-deps tensorflow-serving-api",
                  file=sys.stderr)
        os.replace(saved, out)


def main(argv):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    return commands.main(run, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
