"""What an ablation found: its file, and its tables in the shape of the paper's figures."""

import json
import os
import statistics
from pathlib import Path

from alic_tf import errors, files
from alic_tf.evaluation import published, results
from alic_tf.evaluation.rate_distortion import bd_rate
from alic_tf.evaluation.tables import Table, number, percent
from alic_tf.evaluation.variants import COMPARISONS

RESULT, MARKDOWN = "ablation.json", "ablation.md"
FORMAT = 1


def start(folder, settings):
    """The result in a folder, or a new one, for more trainings with these settings.

    Returns:
        dictionary: format, settings, machine, runs (list of what `variant_training.train` returns)
        and failed (list of dictionaries variant, seed, cause), which is empty: they are tried anew.

    Raises:
        UsageError: the one in the folder has other settings.
    """
    path = Path(folder, RESULT)
    machine = f"{results.processor()}, {os.cpu_count()} cores"
    found = {"settings": settings, "machine": machine, "runs": []}
    if path.exists():
        found = read(path)
        other = [name for name, value in settings.items() if found["settings"].get(name) != value]
        if other:
            cause = f"holds an ablation with another --{other[0]}; give another --out"
            raise errors.UsageError(cause, folder)
    return {"format": FORMAT, **found, "failed": []}


def read(path):
    """The result in a file.

    Raises:
        UsageError: it is none of this version.
    """
    try:
        result = json.loads(Path(path).read_text())
        known = result["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise errors.UsageError("is not a result of an ablation", path) from error
    if not known:
        raise errors.UsageError("was written by another version of this program", path)
    return result


def write(folder, result):
    """Writes a result to ablation.json in a folder, and its tables to ablation.md."""
    with files.replacing(Path(folder, RESULT)) as temporary:
        temporary.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
    with files.replacing(Path(folder, MARKDOWN)) as temporary:
        temporary.write_text(markdown(result))


def markdown(result):
    """The tables of a result with how they were made."""
    settings = result["settings"]
    changes = ", ".join(f"{path}={json.dumps(value)}" for path, value in settings["set"].items())
    seeds = sorted({made["seed"] for made in result["runs"]})
    named = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds)) or '(none yet)'}"
    introduction = (
        f"Variants of `{settings['preset']}`{' with ' * bool(changes)}{changes}, each trained for "
        f"{settings['steps']} steps of {settings['batch']} crops of "
        f"{settings['patch']}x{settings['patch']} pixels (Adam, highest rate {settings['rate']:g}, "
        f"{settings['precision']}), from the {named}, and validated on equal crops with real "
        "rounding. The loss is lambda D + R, D the mean squared error of 8-bit levels, R in bits "
        f"per pixel; its difference is that from the last row. {result['machine']}."
    )
    if len(seeds) > 1:
        introduction += " Of several seeds: means, and ± half the range of what they gave."
    parts = [f"## {table.title}\n\n{table.markdown()}\n" for table in tables(result)]
    failed = [f"- {f['variant']}, seed {f['seed']}: {f['cause']}" for f in result["failed"]]
    if failed:
        parts.append("\n".join(["## Failed\n", *failed, ""]))
    return "\n".join(["# Ablation\n", f"{introduction}\n", *parts])


def tables(result):
    """A `Table` for each comparison of which anything was trained."""
    runs = {}
    for made in result["runs"]:
        runs.setdefault(made["variant"], []).append(made)
    made = (_table(comparison, runs) for comparison in COMPARISONS)
    return [table for table in made if table.rows]


def _table(comparison, runs):
    *_, reference = comparison.rows
    header = [
        "variant", "parameters (M)", "encoder (kMAC/pixel)", "decoder (kMAC/pixel)", "bpp",
        "PSNR (dB)", "loss", "difference", "s/step", "CPU s/step",
    ]  # fmt: skip
    curves = published.ablation(comparison.figure)
    if curves:
        header.append(f"BD-rate in the paper's {comparison.figure}")
    rows = []
    for variant, label in comparison.rows.items():
        if variant not in runs:
            continue
        cells = _cells(runs[variant], runs.get(reference))
        if curves:
            cells.append(percent(bd_rate(curves[reference], curves[variant])))
        rows.append([label, *cells])
    return Table(comparison.title, header, rows)


def _cells(made, reference):
    """Parameters, work, rate, quality, loss and its difference, time, over equal trainings."""

    def mean(key, of=made):
        return statistics.fmean(run[key] for run in of)

    macs = made[0]["macs_per_pixel"] or {"encoder": None, "decoder": None}
    losses = [run["loss"] for run in made]
    spread = f" ± {(max(losses) - min(losses)) / 2:.4f}" if len(losses) > 1 else ""
    return [
        number(made[0]["parameters"] / 1e6, 2),
        *(number(macs[side] and macs[side] / 1e3, 1) for side in ("encoder", "decoder")),
        number(mean("bpp"), 3),
        number(mean("psnr"), 2),
        f"{mean('loss'):.4f}{spread}",
        percent(reference and 100 * (mean("loss") / mean("loss", reference) - 1)),
        number(mean("seconds_per_step"), 3),
        number(mean("cpu_seconds_per_step"), 3),
    ]
