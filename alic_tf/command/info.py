"""`alic info`: what the headers of .alic files say; `alic info --help` says how."""

import alic_tf
from alic_tf import flags
from alic_tf.bitstream import container
from alic_tf.command import batch, options

USAGE = """\
usage: alic info PATH ... [--recursive] [--json]

Prints a line per .alic file: what its header says, after checking it. Nothing is decoded.
"""

FLAGS = (*options.OF_FILES, flags.HELP)


def run(argv):
    """Parses the command line and prints; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS, most=None)
    return 0 if values is None else info(values.arguments, values)


def info(sources, values):
    """Prints what the headers of .alic files, and of those in folders, say; returns the exit code.

    Arguments:
        sources: paths, or "-".
        values: `flags.Values` of `FLAGS`.
    """
    batch.check_sources(sources)
    items = batch.plan(sources, None, batch.find_alic, None, values)

    def describe(item, _):
        said = alic_tf.info(item.read())
        parts = [
            f"{said['width']}x{said['height']}",
            *(["grey"] if said["grey"] else []),
            *_model_and_quality(said),
            f"{said['bytes']} bytes (payload {said['payload']})",
            f"{said['bpp']:.3f} bpp",
            f"{said['lanes']} lane{'s' if said['lanes'] > 1 else ''}",
        ]
        for name in container.CHUNKS.values():
            if said[name]:
                parts.append(f"{name if name == 'alpha' else name.upper()} {said[name]} bytes")
        return batch.Done(f"{item.path}: {', '.join(parts)}, checksum good", said)

    _, failed = batch.for_each(items, describe, values)
    return 1 if failed else 0


def _model_and_quality(said):
    """Name of the model and the quality, or the bare id if the model is not shipped."""
    if said["model"] is None:
        return [f"unknown model {said['id']}", f"quality step {said['step']}"]
    quality = [f"quality {said['quality']:g}"] if said["qualities"] > 1 else []
    return [f"model {said['model']}", *quality]
