"""Decodes mutated files by the thousand: `python -m tests.fuzz --help`."""

import collections
import faulthandler
import sys
from pathlib import Path

from alic_tf import commands
from alic_tf.commands import Flag

USAGE = """\
usage: python -m tests.fuzz [--streams N] [--model NAME] ...

Decodes mutations of small files: bits flipped, bytes lost and added, sizes, lengths, flags, lanes,
chunks and payloads changed, most with a checksum that is right again. Each must end in a picture
or in a typed error, within the bounds of time and memory. What does not is kept in the folder of
--out, and the exit code is 1. A stream is determined by --seed and its number: to see one again,
give --first NUMBER --streams 1.
"""

FLAGS = (
    Flag("integer", "streams", 10000, "N", "streams to decode", "", (1, None)),
    Flag("integer", "first", 0, "N", "number of the first", "", (0, None)),
    Flag("integer", "seed", 0, "N", "of the mutations", "", (0, None)),
    Flag("string", "model", "tiny_dwan", "NAME", "tiny_dwan, tiny_fu2022, tiny_resgdn, "
         "tiny_qae, tiny_icwem, or a shipped model"),
    Flag("integer", "max_pixels", 2**16, "N", "limit of the reader", "", (1, 2**28)),
    Flag("float", "max_seconds", 5.0, "S", "a stream may take", "", (0, None)),
    Flag("float", "max_megabytes", 500.0, "M", "all streams may add to the peak of memory", "",
         (0, None)),
    Flag("string", "out", "runs/fuzz", "DIR", "folder for what is found"),
    commands.HELP,
)
# Seconds by the clock after which a stream that does not end ends the process.
PATIENCE = 600


def load(name):
    """A codec by its name; the tiny ones have random weights."""
    import alic_tf
    from tests import tiny_models

    tiny = getattr(tiny_models, name, None) if name.startswith("tiny_") else None
    return tiny_models.codec(tiny()) if tiny else alic_tf.load(name)


def run(argv):
    """Parses the command line and judges the streams; returns the exit code."""
    values = commands.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    import numpy as np

    from tests.fuzz.judge import judge, peak_megabytes
    from tests.fuzz.streams import corpus, mutant

    codec = load(values.model)
    files = corpus(codec)
    for data in files:  # Memory of a decoder at work is no stream's.
        assert judge(codec, data, values.max_pixels).outcome == "image"
    out = Path(values.out)
    out.mkdir(parents=True, exist_ok=True)
    baseline, slowest = peak_megabytes(), (0.0, None)
    counts, found = collections.Counter(), []
    for number in range(values.first, values.first + values.streams):
        data = mutant(files, np.random.default_rng([values.seed, number]))
        # If the process crashes or hangs, this is what it did so on.
        current = out / "current.alic"
        current.write_bytes(data)
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
        try:
            verdict = judge(codec, data, values.max_pixels)
            trouble = verdict.seconds > values.max_seconds and f"took {verdict.seconds:.1f} s"
            slowest = max(slowest, (verdict.seconds, number))
            counts[verdict.outcome] += 1
        except Exception as error:  # Which it is, is the finding.
            trouble = f"raised {type(error).__name__}: {error}"
        faulthandler.cancel_dump_traceback_later()
        grown = peak_megabytes() - baseline
        if grown > values.max_megabytes:
            trouble = trouble or f"raised the peak of memory to {grown:.0f} MB above the start"
        if trouble:
            current.rename(out / f"stream_{values.seed}_{number}.alic")
            found.append(number)
            print(f"stream {number} {trouble}", flush=True)
        done = number - values.first + 1
        if done % 10000 == 0 or done == values.streams:
            outcomes = ", ".join(f"{n} {name}" for name, n in counts.most_common())
            print(f"{done} streams, {len(found)} findings: {outcomes}; slowest {slowest[0]:.2f} s "
                  f"(stream {slowest[1]}), memory +{grown:.0f} MB over {baseline:.0f} MB",
                  flush=True)
    current.unlink(missing_ok=True)
    return 1 if found else 0


if __name__ == "__main__":
    faulthandler.enable()
    sys.exit(commands.main(run, sys.argv))
