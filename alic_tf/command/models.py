"""`alic models`: the models that are shipped; `alic models --help` says how."""

import json

import alic_tf
from alic_tf import flags, zoo
from alic_tf.command import options

USAGE = """\
usage: alic models [--json]

Lists the models that come with the program, by the names that --model takes, and those that it can
train, but has no weights of.
"""

FLAGS = (options.JSON, flags.HELP)


def run(argv):
    """Parses the command line and lists the models; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    for name, model in alic_tf.models().items():
        size = zoo.find(name).stat().st_size
        rates = f"qualities 1..{model['qualities']}" if model["qualities"] > 1 else "one rate"
        line = f"{name}: id {model['id']}, {rates}, {size / 2**20:.1f} MiB"
        print(json.dumps({"name": name, **model, "bytes": size}) if values.json else line)
    for name in zoo.untrained():
        line = f"{name}: without weights; alic train --model {name}"
        print(json.dumps({"name": name, "id": None}) if values.json else line)
    return 0
