"""Trains variants of a model alike and compares them; `python -m alic_tf.evaluation.ablation`."""

import itertools
import os
import sys
from pathlib import Path

from alic_tf import errors, files, flags
from alic_tf.evaluation.variants import VARIANTS
from alic_tf.flags import Flag

USAGE = """\
usage: python -m alic_tf.evaluation.ablation --data DIR --validation DIR [--steps N] [--out DIR] ...

Trains variants of a model for equal steps, from equal seeds and on equal crops, validates them on
equal crops with real rounding, and writes ablation.json and ablation.md, the tables of what is
compared. An interrupted run goes on where it stopped; what is finished is not repeated, and
variants and seeds that are asked for later are added.
"""
LARGEST = 2**31 - 1
FLAGS = (
    Flag("string", "data", None, "DIR", "folder of pictures or of tar shards of pictures"),
    Flag("string", "validation", None, "DIR", "the same for validation"),
    Flag("string", "out", "runs/ablation", "DIR", "folder of the results"),
    Flag("list", "variants", None, "A,B,...", f"those to train, of {', '.join(VARIANTS)} (default "
         "all)"),
    Flag("list", "seeds", ["0"], "N,M,...", "each variant is trained once from each; several show "
         "how much of a difference is chance"),
    Flag("string", "preset", "fu2022", "NAME", "model that is varied"),
    Flag("multi_string", "set", [], "PATH=VALUE", "change a switch of all variants, as train_tf.py "
         "does"),
    Flag("integer", "steps", 1000, "N", "steps of each training", "", (1, LARGEST)),
    Flag("integer", "batch", 8, "N", "crops per step", "", (1, LARGEST)),
    Flag("integer", "patch", 128, "N", "side of the crops, a multiple of 64", "", (64, LARGEST)),
    Flag("float", "rate", 1e-3, "R", "highest learning rate"),
    Flag("string", "precision", "float32", "TYPE", "float32 or mixed_bfloat16"),
    flags.HELP,
)  # fmt: skip
# The flags that all trainings of an ablation share.
SHARED = ("preset", "set", "steps", "batch", "patch", "rate", "precision")


def run(argv):
    """Parses the command line, trains and reports; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    check_values(values)

    from alic_tf.evaluation import ablation_results, variant_training, workers

    variants = values.variants or list(VARIANTS)
    settings = {name: values[name] for name in SHARED}
    settings["set"] = dict(map(flags.change, values.set))
    for variant in variants:
        variant_training.check(settings, variant)
    settings |= {name: Path(values[name]).name for name in ("data", "validation")}
    result = ablation_results.start(values.out, settings)
    done = {(made["variant"], made["seed"]) for made in result["runs"]}
    tasks = list(itertools.product(map(int, values.seeds), variants))
    for i, (seed, variant) in enumerate(tasks, 1):
        name = f"{variant}-{seed}"
        known = (variant, seed) in done
        print(f"{i}/{len(tasks)} {name}{' was trained before' * known}", file=sys.stderr)
        if known:
            continue
        # Before the training, too: from now on, the folder holds trainings with these settings.
        ablation_results.write(values.out, result)
        arguments = values.data, values.validation, Path(values.out, name)
        try:
            # A process of its own: what one leaves behind in memory does not touch the next.
            with workers.pool(1) as submit:
                made = submit(variant_training.train, settings, variant, seed, *arguments).result()
            result["runs"].append(made)
        except errors.AlicError as error:
            result["failed"].append({"variant": variant, "seed": seed, "cause": str(error)})
            print(f"error: {name}: {error}", file=sys.stderr)
    ablation_results.write(values.out, result)
    print(Path(values.out, ablation_results.MARKDOWN))
    return 1 if result["failed"] else 0


def check_values(values):
    """Raises UsageError for flags that are wrong by themselves."""
    for name in ("data", "validation"):
        if not values[name]:
            raise errors.UsageError(f"give --{name}, a folder of pictures")
        if not os.path.isdir(values[name]):
            raise errors.UsageError("no such folder", values[name])
    if not values.out:
        raise errors.UsageError("a path is empty")
    for variant in values.variants or ():
        if variant not in VARIANTS:
            there = ", ".join(VARIANTS)
            raise errors.UsageError(f"no variant {variant!r}; there are: {there}")
    if not values.seeds or not all(seed.isdecimal() for seed in values.seeds):
        raise errors.UsageError("--seeds must be whole numbers from 0, as in 0,1")
    if values.patch % 64:
        raise errors.UsageError("--patch must be a multiple of 64")
    if not values.rate > 0:
        raise errors.UsageError("--rate must be more than 0")
    if values.precision not in ("float32", "mixed_bfloat16"):
        raise errors.UsageError("--precision must be float32 or mixed_bfloat16")
    files.check_writable(values.out)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(flags.main(run, sys.argv))
