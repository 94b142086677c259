"""encoder_decoder.py: `alic encode`, `alic decode` and `alic info` by flags."""

from alic_tf import errors, flags
from alic_tf.command import decode, encode, info
from alic_tf.flags import Flag

USAGE = """\
usage: python encoder_decoder.py --encode PATH [--output PATH] [--quality Q] [--verify] ...
       python encoder_decoder.py --decode PATH [--output PATH] ...
       python encoder_decoder.py --info PATH

Compresses a picture, or every picture in a folder, into .alic files and back. A PATH of "-" is
standard input or output; the line about the file then goes to standard error.
"""

ACTIONS = {"encode": encode, "decode": decode, "info": info}
_TABLE = {flag.name: flag for module in ACTIONS.values() for flag in module.FLAGS}
FLAGS = (
    Flag("string", "encode", None, "PATH", "encode this picture, or all pictures in this folder"),
    Flag("string", "decode", None, "PATH", "decode this .alic file, or all in this folder"),
    Flag("boolean", "info", False, "PATH", "print what the header of .alic files says"),
    *(flag for flag in _TABLE.values() if flag is not flags.HELP),
    flags.HELP,
)


def run(argv):
    """Parses the command line and calls the one action it asks for; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS, most=None)
    if values is None:
        return 0
    action, path = _chosen(values)
    known = {flag.name for flag in ACTIONS[action].FLAGS}
    for flag in _TABLE.values():
        if flag.name in values.given - known:
            raise errors.UsageError(f"--{flag.name} does not go with --{action}")
    return getattr(ACTIONS[action], action)([path], values)


def _chosen(values):
    """Returns the action and its path. `--info` takes its path from `--decode`, too."""
    given = [name for name in ("encode", "decode") if name in values.given]
    arguments = values.arguments
    if arguments and not values.info:
        raise errors.UsageError(f"unexpected argument {arguments[0]!r}; see --help")
    if len(given) + len(arguments) != 1:
        raise errors.UsageError("give one of --encode, --decode and --info and its path")
    if values.info and given == ["encode"]:
        raise errors.UsageError("--info does not go with --encode")
    return "info" if values.info else given[0], arguments[0] if arguments else values[given[0]]


def main(argv):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    return flags.main(run, argv)
