"""Writes tables and plots of the documents from results/; `python -m ... .readme --help`."""

import hashlib
import json
import re
import sys
from dataclasses import astuple
from pathlib import Path

from alic_tf import errors, files, flags
from alic_tf.flags import Flag

ROOT = Path(__file__).resolve().parents[2]
RESULTS, DOCUMENTS = "results", ("README.md", "docs/results.md")
# A few curves that can be read at a glance, and all.
PLOTS = "docs/images/at_a_glance.png", "docs/images/rate_distortion.png"
GLANCE = ("dwan", "jpeg", "webp", "jpeg2000", "avif", "BPG 4:4:4", "VVC-Intra 4:4:4",
          "Fu et al. 2022")

USAGE = """\
usage: python -m alic_tf.evaluation.readme [--report DIR]

Writes the sections of README.md and docs/results.md that lie between <!-- results:NAME --> and
<!-- /results:NAME --> from results/*.json, and the plots. NAME is summary, rates, bd-rate or
complexity.
"""

FLAGS = (
    Flag("string", "report", None, "DIR", "first copy the results of this report, without their "
         "single pictures, into results/"),
    flags.HELP,
)  # fmt: skip

_SECTION = re.compile(r"(<!-- results:([\w-]+) -->\n).*?(<!-- /results:\2 -->)", re.DOTALL)


def run(argv):
    """Parses the command line and writes the documents; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    from alic_tf.evaluation import page, plots, results

    if values.report:
        copy(values.report, ROOT / RESULTS)
    measured = results.read(ROOT / RESULTS)
    texts = {name: regenerate((ROOT / name).read_text(), measured) for name in DOCUMENTS}
    for name, text in texts.items():
        with files.replacing(ROOT / name) as temporary:
            temporary.write_text(text)
    curves = page.curves_of(measured)
    glance = plots.labelled([curves[name] for name in GLANCE if name in curves])
    for name, drawing in zip(PLOTS, (glance, page.draw(measured))):
        with files.replacing(ROOT / name) as temporary:
            plots.png(drawing, temporary, fingerprint(measured))
    return 0


def fingerprint(measured):
    """What the plots of these results have as their note, to be told from plots of others."""
    from alic_tf.evaluation import results

    curves = [astuple(results.curve(result)) for result in measured]
    return hashlib.sha256(json.dumps(curves).encode()).hexdigest()


def copy(report, folder):
    """Copies the results of a report into a folder, averages only."""
    from alic_tf.evaluation import results

    for result in results.read(report):
        results.write(folder, {k: v for k, v in result.items() if k != "measurements"})


def regenerate(text, measured):
    """A document with its sections between markers written anew from results.

    Raises:
        UsageError: there is a marker of a section that does not exist, no marker, or no result.
    """
    if not measured:
        raise errors.UsageError("no results to write", RESULTS)
    made = sections(measured)

    def section(match):
        opening, name, closing = match.groups()
        if name not in made:
            raise errors.UsageError(
                f"no section {name!r}; there are: {', '.join(made)}"
            )
        return f"{opening}{made[name]}\n{closing}"

    text, count = _SECTION.subn(section, text)
    if not count:
        raise errors.UsageError("a document has no <!-- results:NAME --> markers")
    return text


def sections(measured):
    """The text of each section: {name: Markdown}."""
    from alic_tf.evaluation import page, tables

    curves = {
        name: curve
        for name, curve in page.curves_of(measured).items()
        if name in {r["name"] for r in measured} or name in _compared()
    }
    rates = [tables.averages(r) for r in measured if r["kind"] == "learned"]
    return {
        "summary": tables.against(page.curves_of(measured), GLANCE[0], GLANCE[1:-1]).markdown(),
        "rates": "\n\n".join(f"{table.title}:\n\n{table.markdown()}" for table in rates),
        "bd-rate": tables.bd_rates(curves, page.anchors_of(curves)).markdown(),
        "complexity": tables.complexity(measured, page.is_comparable(measured)).markdown(),
    }


def _compared():
    """Names of the paper's curves that a table of PSNR is about: not those trained for MS-SSIM,
    nor its classical codecs that are measured here with better settings."""
    from alic_tf.evaluation import published

    return {
        name
        for name, curve in published.paper().items()
        if curve.trained_for != "ms-ssim" and not name.endswith("(paper)")
    }


if __name__ == "__main__":
    sys.exit(flags.main(run, sys.argv))
