"""Compresses pictures into .alic files and back; `python encoder_decoder.py --help` says how.

Only flags and errors are handled here; the work is in `alic_tf.cli`. TensorFlow takes seconds to
import, so everything that can be wrong with a request is answered before it is.
"""

import math
import os
import sys

from alic_tf import commands, container, errors
from alic_tf.commands import Flag

USAGE = """\
usage: python encoder_decoder.py --encode PATH [--output PATH] [--quality Q] [--verify] ...
       python encoder_decoder.py --decode PATH [--output PATH] ...
       python encoder_decoder.py --info PATH

Compresses a picture, or every picture in a folder, into .alic files and back.
"""

FLAGS = (
    Flag("string", "encode", None, "PATH", "encode this picture, or all pictures in this folder"),
    Flag("string", "decode", None, "PATH", "decode this .alic file, or all in this folder"),
    Flag("boolean", "info", False, "PATH", "print what the header of .alic files says"),
    Flag("string", "output", None, "PATH", "file or folder to write; by default beside the input, "
         "or in the report's folder if there is one", "encode decode"),
    Flag("string", "model", "dwan", "NAME", "model to encode with: a name, or the folder of an "
         "exported one; a file to decode names its own, unless this flag is given",
         "encode decode"),
    Flag("float", "quality", 4.0, "Q", "from 1, the smallest file, to 8, the best picture; "
         "fractions are allowed; a model with a single rate ignores it", "encode", (1, 8)),
    Flag("boolean", "verify", False, "", "decode what was written, compare the latents with those "
         "that were encoded, and measure the quality", "encode"),
    Flag("string", "report", None, "DIR", "decode too, measure the quality, and write report.json "
         "and report.csv there", "encode"),
    Flag("boolean", "overwrite", False, "", "replace files that exist", "encode decode"),
    Flag("integer", "max_pixels", container.MAX_PIXELS, "N", "refuse files with larger pictures",
         "decode", (1, container.MAX_PIXELS)),
    commands.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line and calls the one action it asks for; returns the exit code."""
    values, arguments = commands.parse(argv, FLAGS)
    if math.isnan(values.quality):
        raise errors.UsageError("--quality must be a number from 1 to 8")
    if values.help:
        print(commands.help_text(USAGE, FLAGS))
        return 0
    action, path = chosen_action(values, arguments)
    options = {
        flag.name: values[flag.name].value for flag in FLAGS if action in flag.actions.split()
    }
    for text in (path, options.get("output"), options.get("report")):
        if text == "":
            raise errors.UsageError("a path is empty")
    if not os.path.exists(path):
        raise errors.UsageError("no such file or folder", path)
    if action == "decode" and not values["model"].present:
        options["model"] = None

    from alic_tf import cli

    return getattr(cli, action)(path, **options)


def chosen_action(values, arguments):
    """Returns the action and its path. `--info` takes its path from `--decode`, too."""
    given = [name for name in ("encode", "decode") if values[name].present]
    if arguments and not values.info:
        raise errors.UsageError(f"unexpected argument {arguments[0]!r}; see --help")
    if len(given) + len(arguments) != 1:
        raise errors.UsageError("give one of --encode, --decode and --info and its path")
    if values.info and given == ["encode"]:
        raise errors.UsageError("--info does not go with --encode")
    action = "info" if values.info else given[0]
    commands.check_action(action, values, FLAGS)
    return action, arguments[0] if arguments else values[given[0]].value


def main(argv):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    return commands.main(run, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
