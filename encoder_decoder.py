"""Compresses pictures into .alic files and back; `python encoder_decoder.py --help` says how.

Only flags and errors are handled here; the work is in `alic_tf.cli`. TensorFlow takes seconds to
import, so everything that can be wrong with a request is answered before it is.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # not there with python -I

from alic_tf import batch, commands, container, errors
from alic_tf.commands import Flag
from alic_tf.quality_steps import DEFAULT_QUALITY

USAGE = """\
usage: python encoder_decoder.py --encode PATH [--output PATH] [--quality Q] [--verify] ...
       python encoder_decoder.py --decode PATH [--output PATH] ...
       python encoder_decoder.py --info PATH

Compresses a picture, or every picture in a folder, into .alic files and back. A PATH of "-" is
standard input or output; the line about the file then goes to standard error.
"""

FLAGS = (
    Flag("string", "encode", None, "PATH", "encode this picture, or all pictures in this folder"),
    Flag("string", "decode", None, "PATH", "decode this .alic file, or all in this folder"),
    Flag("boolean", "info", False, "PATH", "print what the header of .alic files says"),
    Flag("string", "output", None, "PATH", "file or folder to write; by default beside the input, "
         "or in the report's folder if there is one. Its ending chooses among PNG, JPEG, WebP, "
         "TIFF and what else Pillow writes", "encode decode"),
    Flag("string", "model", "dwan", "NAME", "model to encode with: a name, or the folder of an "
         "exported one; a file to decode names its own, unless this flag is given",
         "encode decode"),
    Flag("float", "quality", DEFAULT_QUALITY, "Q", "from 1, the smallest file, to 8, the best "
         "picture; fractions are allowed; a model with a single rate ignores it", "encode", (1, 8)),
    Flag("float", "target_bpp", None, "B", "instead: the best quality with at most so many bits "
         "per pixel", "encode", (0, None)),
    Flag("integer", "max_bytes", None, "N", "instead: the best quality with at most so many bytes",
         "encode", (1, None)),
    Flag("float", "target_psnr", None, "P", "instead: the smallest file with at least so many dB",
         "encode", (0, None)),
    Flag("boolean", "drop_metadata", False, "", "leave out EXIF, XMP and ICC profile, the latter "
         "by converting to sRGB", "encode decode"),
    Flag("boolean", "verify", False, "", "decode what was coded, compare the latents with those "
         "that were encoded, and measure the quality", "encode"),
    Flag("string", "report", None, "DIR", "decode too, measure the quality, and write report.json "
         "and report.csv there", "encode"),
    Flag("string", "format", None, "ENDING", "format to decode to where --output does not say: "
         "png, jpg, webp or tiff (default png)", "decode"),
    Flag("integer", "output_quality", None, "N", "of JPEG and WebP, from 1 to 100, which means "
         "without loss for WebP (default 95)", "decode", (1, 100)),
    Flag("boolean", "overwrite", False, "", "replace files that exist", "encode decode"),
    Flag("integer", "max_side", container.MAX_SIDE, "N", "refuse files with longer pictures",
         "decode", (1, container.MAX_SIDE)),
    Flag("integer", "max_pixels", container.MAX_PIXELS, "N", "refuse files with larger pictures",
         "decode", (1, container.MAX_PIXELS)),
    Flag("integer", "jobs", 1, "N", "work on so many files of a folder at once", "encode decode",
         (1, 256)),
    commands.HELP,
)  # fmt: skip

# Flags that decide on the quality, with the kind of `targets.Target` they stand for.
TARGETS = {"target_bpp": "bpp", "max_bytes": "bytes", "target_psnr": "psnr"}


def run(argv):
    """Parses the command line and calls the one action it asks for; returns the exit code."""
    values, arguments = commands.parse(argv, FLAGS)
    if values.help:
        print(commands.help_text(USAGE, FLAGS))
        return 0
    action, path = chosen_action(values, arguments)
    options = {
        flag.name: values[flag.name] for flag in FLAGS if action in flag.actions.split()
    }
    if action == "encode":
        options["target"] = chosen_target(values, options)
    if action == "decode" and "model" not in values.given:
        options["model"] = None
    for text in (path, options.get("output"), options.get("report")):
        if text == "":
            raise errors.UsageError("a path is empty")
    if path != batch.DASH and not os.path.exists(path):
        raise errors.UsageError("no such file or folder", path)

    from alic_tf import cli

    return getattr(cli, action)(path, **options)


def chosen_action(values, arguments):
    """Returns the action and its path. `--info` takes its path from `--decode`, too."""
    given = [name for name in ("encode", "decode") if name in values.given]
    if arguments and not values.info:
        raise errors.UsageError(f"unexpected argument {arguments[0]!r}; see --help")
    if len(given) + len(arguments) != 1:
        raise errors.UsageError("give one of --encode, --decode and --info and its path")
    if values.info and given == ["encode"]:
        raise errors.UsageError("--info does not go with --encode")
    action = "info" if values.info else given[0]
    commands.check_action(action, values, FLAGS)
    return action, arguments[0] if arguments else values[given[0]]


def chosen_target(values, options):
    """Takes the flags of `TARGETS` out of the options; returns kind and value of the one given."""
    given = [name for name in ("quality", *TARGETS) if name in values.given]
    if len(given) > 1:
        raise errors.UsageError(f"--{given[0]} does not go with --{given[1]}")
    asked = {kind: options.pop(name) for name, kind in TARGETS.items()}
    return next((item for item in asked.items() if item[1] is not None), None)


def main(argv):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    return commands.main(run, argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
