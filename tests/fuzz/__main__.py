"""Tries mutated inputs by the thousand: `python -m tests.fuzz --help`."""

import collections
import faulthandler
import importlib
import math
import sys
import time
from pathlib import Path

from alic_tf import errors, flags
from alic_tf.flags import Flag

USAGE = """\
usage: python -m tests.fuzz [--target NAME] [--streams N] [--model NAME] ...

Decodes mutations of small files: bits flipped, bytes lost and added, sizes, lengths, flags, lanes,
chunks and payloads changed, most with a checksum that is right again; or does the same to what
else may come from anywhere. Each must end in what a good one gives, such as a picture, or in a
typed error, within the bounds of time and memory. What does not is kept in the folder of
--out, and the exit code is 1. An input is determined by --seed and its number: to see one again,
give --first NUMBER --streams 1.
"""

FLAGS = (
    Flag("string", "target", "streams", "NAME", "streams (.alic files), served (what a SavedModel "
         "is sent), models, planes (of alpha), shards, checkpoints or settings (of trainings)"),
    Flag("integer", "streams", 10000, "N", "inputs to try", "", (1, None)),
    Flag("float", "minutes", None, "N", "end after so many, if not earlier", "", (0, None)),
    Flag("integer", "first", 0, "N", "number of the first", "", (0, None)),
    Flag("integer", "seed", 0, "N", "of the mutations", "", (0, None)),
    Flag("string", "model", "tiny_dwan", "NAME", "tiny_dwan, tiny_fu2022, tiny_light, "
         "tiny_resgdn, tiny_qae, tiny_icwem, or, for streams and served, a shipped one"),
    Flag("integer", "max_pixels", 2**16, "N", "limit of the reader", "", (1, 2**28)),
    Flag("float", "max_seconds", 5.0, "S", "an input may take", "", (0, None)),
    Flag("float", "max_megabytes", 500.0, "M", "all inputs may add to the peak of memory", "",
         (0, None)),
    Flag("string", "out", "runs/fuzz", "DIR", "folder for what is found"),
    flags.HELP,
)
TARGETS = ("streams", "served", "models", "planes", "shards", "checkpoints", "settings")
# Seconds by the clock after which an input that does not end ends the process.
PATIENCE = 600


def load(name):
    """A codec by its name; the tiny ones have random weights."""
    import alic_tf
    from tests import tiny_models

    tiny = _tiny(name)
    return tiny_models.codec(tiny()) if tiny else alic_tf.load(name)


def _tiny(name):
    from tests import tiny_models

    return getattr(tiny_models, name, None) if name.startswith("tiny_") else None


def make_target(name, model, max_pixels):
    """What is fuzzed: `good` inputs, of which `outcome` is `success`, and a `mutant` of them."""
    if name not in TARGETS:
        raise errors.UsageError(f"--target must be one of {TARGETS}")
    if name == "models" and not _tiny(model):
        raise errors.UsageError("--target models goes with the tiny models")
    target = importlib.import_module(f"tests.fuzz.{name}").Target
    if name in ("streams", "served"):
        return target(load(model), max_pixels)
    return target([_tiny(model)()]) if name == "models" else target()


def run(argv):
    """Parses the command line and judges the inputs; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    import numpy as np

    from tests.fuzz.judge import peak_megabytes, timed

    target = make_target(values.target, values.model, values.max_pixels)
    for data in target.good:  # Memory of a decoder at work is no input's.
        assert target.outcome(data) == target.success
    out = Path(values.out)
    out.mkdir(parents=True, exist_ok=True)
    baseline, slowest = peak_megabytes(), (0.0, None)
    counts, found = collections.Counter(), []
    end = time.monotonic() + 60 * (values.minutes or math.inf)
    for number in range(values.first, values.first + values.streams):
        data = target.mutant(np.random.default_rng([values.seed, number]))
        # If the process crashes or hangs, this is what it did so on.
        current = out / f"current{target.ending}"
        current.write_bytes(data)
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
        try:
            verdict = timed(target.outcome, data)
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
            current.rename(out / f"{values.target}_{values.seed}_{number}{target.ending}")
            found.append(number)
            print(f"input {number} {trouble}", flush=True)
        done = number - values.first + 1
        last = done == values.streams or time.monotonic() > end
        if done % 10000 == 0 or last:
            outcomes = ", ".join(f"{n} {name}" for name, n in counts.most_common())
            print(f"{done} {values.target}, {len(found)} findings: {outcomes}; "
                  f"slowest {slowest[0]:.2f} s (number {slowest[1]}), "
                  f"memory +{grown:.0f} MB over {baseline:.0f} MB", flush=True)
        if last:
            break
    current.unlink(missing_ok=True)
    return 1 if found else 0


if __name__ == "__main__":
    faulthandler.enable()
    sys.exit(flags.main(run, sys.argv))
