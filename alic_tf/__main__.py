"""The command `alic`: `python -m alic_tf`."""

import importlib
import sys

import alic_tf
from alic_tf import errors, flags

# The command's name -> module with its `run`, and what it does.
COMMANDS = {
    "encode": ("alic_tf.command.encode", "pictures to .alic files"),
    "decode": ("alic_tf.command.decode", ".alic files to pictures"),
    "info": ("alic_tf.command.info", "what the headers of .alic files say"),
    "models": ("alic_tf.command.models", "the models that are shipped"),
    "train": ("alic_tf.command.train", "train a model on photographs"),
    "evaluate": ("alic_tf.command.evaluate", "measure codecs on pictures, or compare two folders"),
    "demo": ("alic_tf.command.demo", "a page to try the codec on pictures of your own"),
    "export": ("alic_tf.command.export", "a model for TensorFlow Serving"),
    "import": ("alic_tf.command.import_tf1", "a checkpoint of the authors' TensorFlow 1 program"),
}
USAGE = """\
usage: alic COMMAND ...
       alic COMMAND --help

A learned image codec. The commands:
"""


def run(argv):
    """Runs the command that the first argument names; returns its exit code."""
    _, *words = argv
    if not words or words[0] in ("--help", "-h", "help"):
        width = max(map(len, COMMANDS)) + 2
        lines = [f"  {name:<{width}}{text}" for name, (_, text) in COMMANDS.items()]
        print(USAGE, *lines, "", "alic --version prints the version.", sep="\n")
        return 0
    if words[0] == "--version":
        print(f"alic_tf {alic_tf.__version__}")
        return 0
    if words[0] not in COMMANDS:
        close = flags.closest(words[0], COMMANDS)
        hint = f"did you mean {close}?" if close else f"there are: {', '.join(COMMANDS)}"
        raise errors.UsageError(f"unknown command {words[0]!r}; {hint}")
    module, _ = COMMANDS[words[0]]
    return importlib.import_module(module).run([f"alic {words[0]}", *words[1:]])


def main(argv=None):
    """Runs the command; returns its exit code: 0 done, 1 bad data, 2 bad request."""
    return flags.main(run, sys.argv if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
