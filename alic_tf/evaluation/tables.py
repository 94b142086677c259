"""Tables of a report, from results and published points; as Markdown and as HTML."""

import html
from dataclasses import dataclass

from alic_tf.evaluation import published, results
from alic_tf.evaluation.rate_distortion import METRICS, bd_rate, quality_at
from alic_tf.metrics import ms_ssim_db

RATES = (0.25, 0.5, 1.0)


@dataclass
class Table:
    """Title, header and rows of strings; a note below."""

    title: str
    header: list
    rows: list
    note: str = ""

    def markdown(self):
        """The table with its note, without its title."""
        lines = [self.header, ["---"] + ["---:"] * (len(self.header) - 1), *self.rows]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{text}\n\n{self.note}".strip()

    def html(self):
        """The table with its title and note."""

        def line(cells, tag):
            inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
            return f"<tr>{inner}</tr>"

        body = "\n".join(line(row, "td") for row in self.rows)
        return (
            f"<h2>{html.escape(self.title)}</h2>\n<table>\n<thead>{line(self.header, 'th')}</thead>"
            f"\n<tbody>\n{body}\n</tbody>\n</table>\n<p>{html.escape(self.note)}</p>"
        )


def averages(result):
    """A row per setting: rate, quality, times."""
    rows = [
        [
            f"{row['setting']:g}",
            number(row["bpp"], 3),
            number(row["psnr"], 2),
            number(row["ms_ssim"], 4),
            number(row["ms_ssim"] and ms_ssim_db(row["ms_ssim"]), 2),
            number(row["ssim"], 4),
            number(row["encode_seconds"], 3),
            number(row["decode_seconds"], 3),
        ]
        for row in result["averages"]
    ]
    header = [
        result["setting"], "bpp", "PSNR (dB)", "MS-SSIM", "MS-SSIM (dB)", "SSIM", "encode (s)",
        "decode (s)",
    ]  # fmt: skip
    return Table(result["name"], header, rows, provenance(result))


def provenance(result):
    """One line: pictures, versions, machine."""
    pictures = "the 24 Kodak pictures" if result["kodak"] else f"{result['pictures']} pictures"
    version = f", commit {result['commit']}" if result["commit"] else ""
    return (
        f"Means over {pictures}, medians of seconds; {result['codec']}{version}; "
        f"{result['machine']}."
    )


def bd_rates(curves, anchors, metric="psnr"):
    """A row per curve: BD-rate against each anchor, and quality at some rates.

    Args:
        curves: dictionary of `Curve`.
        anchors: names of curves.
        metric: of `rate_distortion.METRICS`.
    """
    rows = []
    for curve in curves.values():
        rates = [bd_rate(curves[anchor], curve, metric) for anchor in anchors]
        qualities = [quality_at(curve, bpp, metric) for bpp in RATES]
        if any(x is not None for x in (*rates, *qualities)):
            cells = [*(percent(x) for x in rates), *(number(x, 2) for x in qualities)]
            rows.append([curve.name, *cells])
    header = ["codec", *(f"BD-rate vs. {anchor}" for anchor in anchors)]
    header += [f"dB at {bpp} bpp" for bpp in RATES]
    note = (
        "BD-rate: bits more (+) or less (-) for equal quality, piecewise cubic over the common "
        "range between 0.05 and 1.35 bpp; of a model of one rate, at its quality."
    )
    return Table(f"BD-rate by {METRICS[metric]}", header, rows, note)


def against(curves, name, anchors):
    """One row: BD-rate of a curve by PSNR against each anchor, as far as there are such."""
    rates = {anchor: bd_rate(curves[anchor], curves[name]) for anchor in anchors
             if anchor in curves and name in curves}
    return Table(name, ["bits for equal PSNR", *rates],
                 [[f"{name} against", *(percent(rate) for rate in rates.values())]])


def complexity(measured, with_published):
    """Size and time of each codec; beside the paper's Table I if that is of the same pictures."""
    rows = []
    for result in measured:
        parameters, size = result.get("parameters"), result.get("model_bytes")
        macs = result.get("macs_per_pixel") or {"encoder": None, "decoder": None}
        times = [
            [row[key] for row in result["averages"] if row[key] is not None]
            for key in results.MEDIANS
        ]
        rows.append([
            result["name"],
            number(parameters and parameters / 1e6, 2),
            number(size and size / 1e6, 1),
            *(number(macs[side] and macs[side] / 1e3, 1) for side in ("encoder", "decoder")),
            *(span(seconds, 3) for seconds in times),
            result["machine"],
        ])  # fmt: skip
    for row in published.complexity() if with_published else ():
        megabytes = [float(row[f"megabytes_{rates}"]) for rates in ("low", "high")]
        times = [number(float(row[key]), 3) for key in results.MEDIANS]
        rows.append([row["codec"], "", span(megabytes, 1), "", "", *times, row["hardware"]])
    header = [
        "codec", "parameters (M)", "model (MB)", "encoder (kMAC/pixel)", "decoder (kMAC/pixel)",
        "encode (s)", "decode (s)", "hardware",
    ]  # fmt: skip
    note = (
        "Seconds per picture, over all settings; the size of a model is that of its file. "
        "Multiply-accumulates are those of convolutions and matrix products in all networks that "
        "run: the encoder's include the hyper transforms and the context, the decoder's the hyper "
        "decoder and the context."
    )
    if with_published:
        source = published.complexity()[0]["source"]
        note += f" On the Xeon: {source}; sizes of the models of low and of high rates."
    return Table("Complexity", header, rows, note)


def distribution(result):
    """A row per setting: shares of pictures that are good or small."""
    rows = [
        [f"{row['setting']:g}"]
        + [f"{row[key]:.0%}" for key in ("share_good_psnr", "share_good_ssim", "share_small")]
        for row in result["averages"]
    ]
    header = [
        result["setting"],
        f"PSNR >= {results.GOOD_PSNR:g} dB",
        f"SSIM >= {results.GOOD_SSIM:g}",
        f"<= {results.SMALL_BPP:g} bpp",
    ]
    return Table(f"{result['name']}: share of pictures", header, rows)


def number(value, digits):
    """A number with so many decimals; empty for what is not known."""
    return "" if value is None else f"{value:.{digits}f}"


def percent(value):
    """A signed percentage with one decimal; empty for what is not known."""
    return "" if value is None else f"{value + 0.0:+.1f} %"


def span(values, digits):
    """The range of some numbers."""
    if not values:
        return ""
    low, high = (f"{limit(values):.{digits}f}" for limit in (min, max))
    return low if low == high else f"{low} to {high}"
