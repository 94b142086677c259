"""Settings of a run from a JSON file, such as the config.json of another run."""

import json
from pathlib import Path

from alic_tf import errors

# Alternatives. Of these the config.json of a run may have both; the first is then what counts.
_EITHER = (("start", "model"), ("steps", "minutes"))


def arguments(path, names, given):
    """What a JSON file says, as arguments to go before those of the command line.

    Args:
        path: of a file with an object: values by the names of their flags; "set" may be an object,
            too, from paths of switches to values, and so may "configuration", nested.
        names: of the flags that it may set.
        given: names of the flags on the command line.

    Returns:
        list of strings, --NAME=VALUE.

    Raises:
        UsageError: the file is missing, or holds something else.
    """
    try:
        settings = json.loads(Path(path).read_text())
        changes = {
            **_leaves(settings.pop("configuration", None) or {}), **settings.pop("set", {})
        }  # fmt: skip
    except OSError as error:
        raise errors.UsageError("no such file", path) from error
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise errors.UsageError("holds no JSON object of settings", path) from error
    if unknown := sorted(set(settings) - set(names)):
        allowed = ", ".join(("configuration", *names))
        raise errors.UsageError(f"unknown setting {unknown[0]!r}; there are: {allowed}", path)
    settings = {name: value for name, value in settings.items() if value is not None}
    for first, second in _EITHER:
        if {first, second} & set(given):
            settings = {name: settings[name] for name in settings if name not in (first, second)}
        elif first in settings:
            settings.pop(second, None)
    return [
        *(f"--{name}={value}" for name, value in settings.items()),
        *(f"--set={name}={json.dumps(value)}" for name, value in changes.items()),
    ]


def _leaves(tree, prefix=""):
    """Values of a nested dictionary by dotted paths."""
    return {
        path: leaf
        for name, value in tree.items()
        for path, leaf in (
            _leaves(value, f"{prefix}{name}.") if isinstance(value, dict)
            else {f"{prefix}{name}": value}
        ).items()
    }  # fmt: skip
