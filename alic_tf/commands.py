"""What the command lines share: a table of flags, help, and errors as one line each."""

import json
import os
import sys
import textwrap
from typing import NamedTuple

from absl import flags

from alic_tf import errors, quiet


class Flag(NamedTuple):
    """A flag of a command line.

    Fields:
        kind: of absl: "string", "integer", "float", "boolean", "multi_string".
        name, default: without the dashes; None if there is no default.
        what: placeholder of its value in the help.
        text: explanation.
        actions: names of the actions it goes with.
        bounds: (smallest, largest) value, or ().
    """

    kind: str
    name: str
    default: object
    what: str
    text: str
    actions: str = ""
    bounds: tuple = ()


HELP = Flag("boolean", "help", False, "", "print this text")


def main(run, argv):
    """Calls run(argv); returns the exit code: its own, 1 for bad data, 2 for a bad request."""
    # The loader of TensorFlow reports missing GPU libraries on stderr; its errors reach us anyway.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet.tensorflow():
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


def read(argv, usage, table):
    """Returns the values of the flags of a table, or None if help was asked for and printed.

    Raises:
        UsageError: a flag is wrong, or there is something else on the command line.
    """
    values, arguments = parse(argv, table)
    if values.help:
        print(help_text(usage, table))
        return None
    if arguments:
        raise errors.UsageError(f"unexpected argument {arguments[0]!r}; see --help")
    return values


def parse(argv, table):
    """Returns the values of the flags of a table and what is left of the command line."""
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    for flag in table:
        options = dict(zip(("lower_bound", "upper_bound"), flag.bounds))
        if flag is HELP:
            options["short_name"] = "h"
        define = getattr(flags, f"DEFINE_{flag.kind}")
        define(flag.name, flag.default, flag.text, flag_values=values, **options)
    try:
        return values, values(argv)[1:]
    except flags.Error as error:
        raise errors.UsageError(" ".join(str(error).split())) from error


def check_action(action, values, table):
    """Raises UsageError if a flag is given that does not go with the action."""
    for flag in table:
        goes = flag.actions.split()
        if goes and action not in goes and values[flag.name].present:
            raise errors.UsageError(f"--{flag.name} does not go with --{action}")


def change(text):
    """(path, value) of a flag PATH=VALUE, such as transform.pqf=false; the value is JSON or a word.

    Raises:
        UsageError: it is neither.
    """
    path, equals, value = text.partition("=")
    if not (path and equals):
        raise errors.UsageError(f"--set {text}: give PATH=VALUE")
    if value.isidentifier() and value not in ("true", "false", "null"):
        return path, value
    try:
        return path, json.loads(value)
    except ValueError as error:
        raise errors.UsageError(f"--set {text}: the value is neither JSON nor a word") from error


def help_text(usage, table):
    """The help of a command line: its usage and its flags."""
    lines = [usage]
    labels = [f"  --{flag.name} {flag.what}".rstrip() for flag in table]
    width = max(map(len, labels)) + 2
    for flag, label in zip(table, labels):
        known = f" (default {flag.default})" if flag.default else ""
        wrapped = textwrap.wrap(flag.text + known, width=96 - width)
        lines.append(f"{label:<{width}}{wrapped[0]}")
        lines.extend(" " * width + line for line in wrapped[1:])
    lines.append("\nExit code: 0 done, 1 something is wrong with the data, 2 with the request.")
    return "\n".join(lines)
