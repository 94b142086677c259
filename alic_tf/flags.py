"""What the command lines share: a table of flags, help, and errors as one line each."""

import argparse
import difflib
import json
import math
import os
import sys
import textwrap
from functools import partial
from typing import NamedTuple

from alic_tf import errors, quiet

_TRUE, _FALSE = ("true", "True", "1", "yes"), ("false", "False", "0", "no")


class Flag(NamedTuple):
    """A flag of a command line.

    Fields:
        kind: "string", "integer", "float", "boolean", "list" (texts between commas) or
            "multi_string" (may be given several times).
        name, default: the name without dashes; None if there is no default.
        what: placeholder of its value in the help.
        text: explanation.
        actions: names of the actions it goes with.
        bounds: (smallest, largest) value, the latter None if there is none, or ().
        short: a letter that stands for it, or "".
    """

    kind: str
    name: str
    default: object
    what: str
    text: str
    actions: str = ""
    bounds: tuple = ()
    short: str = ""


HELP = Flag("boolean", "help", False, "", "print this text", short="h")


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


def read(argv, usage, table, most=0):
    """Returns the `Values` of a table, or None if help was asked for and printed.

    Arguments:
        argv: program, then the words of the command line.
        usage: text above the flags in the help.
        table: of `Flag`s.
        most: number of arguments beside the flags that there may be; None for any.

    Raises:
        UsageError: a flag is wrong, or there are more arguments.
    """
    values = parse(argv, table)
    if values.help:
        print(help_text(usage, table))
        return None
    if most is not None and len(values.arguments) > most:
        raise errors.UsageError(f"unexpected argument {values.arguments[most]!r}; see --help")
    return values


class Values:
    """Values of flags, as attributes.

    Attributes:
        given: names of the flags that are on the command line.
        arguments: what else is on it.
    """

    def __init__(self, table, given, arguments):
        self.__dict__ |= {flag.name: flag.default for flag in table} | given
        self.given = set(given)
        self.arguments = arguments

    def __getitem__(self, name):
        return getattr(self, name)


def parse(argv, table):
    """Returns the `Values` of a table.

    Words of a flag's name are joined by dashes or by underscores. A boolean NAME is set by --NAME
    or --NAME=true, and unset by --noNAME, --no-NAME or --NAME=false.
    """
    parser = _Parser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    for flag in table:
        spelt = dict.fromkeys([flag.name, flag.name.replace("_", "-")])
        names = [f"--{name}" for name in spelt] + [f"-{flag.short}"] * bool(flag.short)
        if flag.kind == "boolean":
            unset = [f"--no{dash}{name}" for dash in ("", "-") for name in spelt]
            names += [f"--{name}={word}" for name in spelt for word in _TRUE]
            unset += [f"--{name}={word}" for name in spelt for word in _FALSE]
            for words, value in ((names, True), (unset, False)):
                parser.add_argument(*words, dest=flag.name, action="store_const", const=value)
        elif flag.kind == "multi_string":
            parser.add_argument(*names, dest=flag.name, action="append")
        else:
            parser.add_argument(*names, dest=flag.name, type=partial(_value, flag))
    parser.add_argument("arguments", nargs="*", default=[])
    given, unknown = parser.parse_known_intermixed_args(argv[1:])
    if unknown:
        close = closest(unknown[0].split("=")[0], [f"--{flag.name}" for flag in table])
        hint = f"did you mean {close}?" if close else "see --help"
        raise errors.UsageError(f"unknown flag {unknown[0]}; {hint}")
    given = vars(given)
    arguments = given.pop("arguments", [])
    return Values(table, given, arguments)


def closest(word, known):
    """The one of the known words that somebody may have meant by another one, or None."""
    return next(iter(difflib.get_close_matches(word, known, 1)), None)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise errors.UsageError(message)


def _value(flag, text):
    """What a flag is set to by a text."""
    if flag.kind in ("string", "list"):
        return text if flag.kind == "string" else [part for part in text.split(",") if part]
    try:
        value = {"integer": int, "float": float}[flag.kind](text)
        if math.isnan(value):
            raise ValueError
    except ValueError:
        kind = "a whole number" if flag.kind == "integer" else "a number"
        raise errors.UsageError(f"--{flag.name} must be {kind}, not {text!r}") from None
    low, high = flag.bounds or (None, None)
    if low is not None and value < low or high is not None and value > high:
        limits = f"from {low}" + (f" to {high}" if high is not None else "")
        raise errors.UsageError(f"--{flag.name} must be {limits}, not {text}")
    return value


def check_action(action, values, table):
    """Raises UsageError if a flag is given that does not go with the action."""
    for flag in table:
        goes = flag.actions.split()
        if goes and action not in goes and flag.name in values.given:
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
    labels = [
        f"  {f'-{flag.short}, ' * bool(flag.short)}--{flag.name} {flag.what}".rstrip()
        for flag in table
    ]
    width = max(map(len, labels)) + 2
    for flag, label in zip(table, labels):
        default = ",".join(flag.default) if flag.kind == "list" and flag.default else flag.default
        known = f" (default {default})" if default else ""
        wrapped = textwrap.wrap(flag.text + known, width=96 - width)
        lines.append(f"{label:<{width}}{wrapped[0]}")
        lines.extend(" " * width + line for line in wrapped[1:])
    lines.append("\nExit code: 0 done, 1 something is wrong with the data, 2 with the request.")
    return "\n".join(lines)
