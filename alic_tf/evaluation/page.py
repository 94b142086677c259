"""The report on codecs: Markdown, a page that needs nothing but itself, and the plot."""

from pathlib import Path

from alic_tf import errors, files
from alic_tf.evaluation import plots, published, results, tables

MARKDOWN, PAGE, PLOT = "report.md", "report.html", "rate_distortion.png"
ANCHORS = ("VVC-Intra 4:4:4", "BPG 4:4:4", "jpeg")

_HTML = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>alic_tf: rate and distortion</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 76em; margin: 2em auto; padding: 0 1em; }}
svg {{ width: 100%; height: auto; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; }}
th, td {{ padding: .2em .7em; border-bottom: 1px solid #ddd; text-align: right; }}
th:first-child, td:first-child {{ text-align: left; }}
</style>
<h1>Rate and distortion</h1>
<p>{introduction}</p>
{plot}
{tables}
</html>
"""
_KODAK = (
    "Measured on the 24 Kodak pictures. Dashed lines are published points: figure 5 of Fu et al. "
    "2022 (arXiv 2206.10618). Its curves of JPEG, and its values of MS-SSIM, differ slightly from "
    "ours: other encoder settings and another implementation. Its third point of Fu et al., 31.72 "
    "dB, is 31.89 dB in figure 7, which lowers their BD-rate by one per cent. What is only in the "
    "tables was measured before, on the same pictures."
)
_OTHERS = (
    "Published curves are averages over the 24 Kodak pictures, which these are not: they are left "
    "out."
)


def write(folder, measured, anchors=None):
    """Writes the report on results into a folder.

    Args:
        folder: it is created if need be.
        measured: results, as `results.read` returns them.
        anchors: names of curves for the BD-rates, `ANCHORS` by default, as far as there are such.
    """
    curves = curves_of(measured)
    anchors = anchors_of(curves, anchors)
    parts = [
        *(tables.bd_rates(curves, anchors, metric) for metric in tables.METRICS),
        tables.complexity(measured, with_published=is_comparable(measured)),
    ]
    for result in measured:
        parts += [tables.averages(result), tables.distribution(result)]
    introduction = _KODAK if is_comparable(measured) else _OTHERS
    drawing = draw(measured)
    sections = "\n\n".join(f"## {part.title}\n\n{part.markdown()}" for part in parts)
    text = f"# Rate and distortion\n\n{introduction}\n\n![plot]({PLOT})\n\n{sections}\n"
    page = _HTML.format(
        introduction=introduction,
        plot=plots.svg(drawing),
        tables="\n".join(part.html() for part in parts),
    )
    for name, content in ((MARKDOWN, text), (PAGE, page)):
        with files.replacing(Path(folder, name)) as temporary:
            temporary.write_text(content)
    with files.replacing(Path(folder, PLOT)) as temporary:
        plots.png(drawing, temporary)


def draw(measured):
    """The figure of results, with published curves where they are of the same pictures."""
    by_kind = {
        kind: [results.curve(r) for r in measured if r["kind"] == kind]
        for kind in ("learned", "classical")
    }
    paper = list(published.paper().values()) if is_comparable(measured) else []
    return plots.figure(by_kind["learned"], by_kind["classical"], paper)


def curves_of(measured):
    """{name: Curve} of results, and of published points where they are of the same pictures.

    What was measured now replaces what was measured before with the same codec.
    """
    curves = {result["name"]: results.curve(result) for result in measured}
    if not is_comparable(measured):
        return curves
    before = {name: c for name, c in published.measured().items() if name not in curves}
    return {**curves, **published.paper(), **before}


def is_comparable(measured):
    """Whether all results are averages over the pictures of the published ones."""
    return all(result["kodak"] for result in measured)


def anchors_of(curves, anchors=None):
    """Those of the names of anchors, `ANCHORS` by default, that there are; at least one."""
    return [name for name in anchors or ANCHORS if name in curves] or list(curves)[:1]


def check_anchors(anchors, codecs, pictures):
    """Raises UsageError unless these names (or None) will be curves of a report.

    Args:
        anchors: names, or None.
        codecs: names of codecs that will be measured.
        pictures: names of the pictures.
    """
    known = list(codecs)
    if published.is_kodak(pictures):
        known += [*published.paper(), *published.measured()]
    for name in anchors or ():
        if name not in known:
            there = ", ".join(dict.fromkeys(known))
            raise errors.UsageError(f"no curve {name!r} to compare with; there are: {there}")
