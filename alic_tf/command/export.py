"""`alic export`: a model for TensorFlow Serving; `alic export --help` says how."""

from pathlib import Path

from alic_tf import errors, files, flags
from alic_tf.bitstream import container
from alic_tf.flags import Flag

USAGE = """\
usage: alic export --model NAME --out FOLDER/VERSION ...

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
    flags.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line and exports; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    out = Path(values.out or "")
    if not out.name.isdecimal():
        raise errors.UsageError("--out must end with a version number, such as .../1")
    if out.exists():
        raise errors.UsageError("exists; take the next version number", out)
    files.check_writable(out.parent)
    from alic_tf import zoo
    from alic_tf.serving.export import save

    try:
        codec = zoo.load(values.model)
    except errors.UnknownModel as error:
        raise errors.UsageError(error.cause, error.path) from error
    save(codec, out, values.max_pixels, values.warmup)
    size = sum(path.stat().st_size for path in out.rglob("*"))
    print(f"{out}: {codec.name}, {size / 2**20:.1f} MiB")
    return 0
