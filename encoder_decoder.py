"""Compresses pictures into .alic files and back; `python encoder_decoder.py --help` says how.

Only flags and errors are handled here; the work is in `alic_tf.cli`. TensorFlow takes seconds to
import, so everything that can be wrong with a request is answered before it is.
"""

import math
import os
import sys
import textwrap

from absl import flags

from alic_tf import container, errors

USAGE = """\
usage: python encoder_decoder.py --encode PATH [--output PATH] [--quality Q] [--verify] ...
       python encoder_decoder.py --decode PATH [--output PATH] ...
       python encoder_decoder.py --info PATH

Compresses a picture, or every picture in a folder, into .alic files and back.
"""

# kind, name, default, what follows it, the actions it goes with, explanation
FLAGS = (
    ("string", "encode", None, "PATH", "", "encode this picture, or all pictures in this folder"),
    ("string", "decode", None, "PATH", "", "decode this .alic file, or all in this folder"),
    ("boolean", "info", False, "PATH", "", "print what the header of .alic files says"),
    ("string", "output", None, "PATH", "encode decode", "file or folder to write; by default "
     "beside the input, or in the report's folder if there is one"),
    ("string", "model", "dwan", "NAME", "encode decode", "model to encode with: a name, or the "
     "folder of an exported one; a file to decode names its own, unless this flag is given"),
    ("float", "quality", 4.0, "Q", "encode", "from 1, the smallest file, to 8, the best picture; "
     "fractions are allowed; a model with a single rate ignores it"),
    ("boolean", "verify", False, "", "encode", "decode what was written, compare the latents with "
     "those that were encoded, and measure the quality"),
    ("string", "report", None, "DIR", "encode", "decode too, measure the quality, and write "
     "report.json and report.csv there"),
    ("boolean", "overwrite", False, "", "encode decode", "replace files that exist"),
    ("integer", "max_pixels", container.MAX_PIXELS, "N", "decode", "refuse files with larger "
     "pictures"),
    ("boolean", "help", False, "", "", "print this text"),
)  # fmt: skip
BOUNDS = {"quality": (1, 8), "max_pixels": (1, container.MAX_PIXELS)}


def main(argv):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    # The loader of TensorFlow reports missing GPU libraries on stderr; its errors reach us anyway.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        return run(argv)
    except errors.AlicError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # of the system, on a path of the command line
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return errors.UsageError.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def run(argv):
    """Parses the command line and calls the one action it asks for; returns the exit code."""
    values, arguments = parse(argv)
    if values.help:
        print(help_text())
        return 0
    action, path = chosen_action(values, arguments)
    options = {
        name: values[name].value for _, name, _, _, goes, _ in FLAGS if action in goes.split()
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


def parse(argv):
    """Returns the values of the flags and what is left of the command line."""
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    for kind, name, default, _, _, text in FLAGS:
        bounds = dict(zip(("lower_bound", "upper_bound"), BOUNDS.get(name, ())))
        if name == "help":
            bounds["short_name"] = "h"
        define = getattr(flags, f"DEFINE_{kind}")
        define(name, default, text, flag_values=values, **bounds)
    try:
        arguments = values(argv)[1:]
    except flags.Error as error:
        raise errors.UsageError(" ".join(str(error).split())) from error
    if math.isnan(values.quality):
        raise errors.UsageError("--quality must be a number from 1 to 8")
    return values, arguments


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
    for _, name, _, _, goes, _ in FLAGS:
        if goes and action not in goes.split() and values[name].present:
            raise errors.UsageError(f"--{name} does not go with --{action}")
    return action, arguments[0] if arguments else values[given[0]].value


def help_text():
    lines = [USAGE]
    for _, name, default, what, _, text in FLAGS:
        known = f" (default {default})" if default else ""
        wrapped = textwrap.wrap(text + known, width=74)
        lines.append(f"  {f'--{name} {what}'.strip():<20}{wrapped[0]}")
        lines.extend(f"{'':22}{line}" for line in wrapped[1:])
    lines.append("\nExit code: 0 done, 1 something is wrong with the data, 2 with the request.")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
