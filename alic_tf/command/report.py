"""What encoding a set of pictures gave: a row per picture, the averages, files for other tools."""

import csv
import json
import math
from dataclasses import asdict, dataclass, fields

from alic_tf import files, metrics

NAMES = ("report.json", "report.csv")


@dataclass
class Row:
    """One picture. `seconds` are wall-clock; what was not measured is None."""

    name: str
    width: int
    height: int
    bytes: int
    encode_seconds: float
    decode_seconds: float | None = None
    psnr: float | None = None
    ms_ssim: float | None = None
    ms_ssim_db: float | None = None
    bpp: float = 0.0

    def __post_init__(self):
        self.bpp = self.bytes * 8 / (self.width * self.height)

    def judge(self, original, decoded):
        """Fills in the quality of `decoded`, uint8 RGB as `original`."""
        self.psnr = metrics.psnr(original, decoded)
        self.ms_ssim = metrics.ms_ssim(original, decoded)
        self.ms_ssim_db = metrics.ms_ssim_db(self.ms_ssim)

    def __str__(self):
        text = f"{self.bytes} bytes, {self.bpp:.3f} bpp, {self.encode_seconds:.2f} s"
        if self.psnr is not None:
            text += f", decoded in {self.decode_seconds:.2f} s, PSNR {self.psnr:.2f} dB"
            if not math.isnan(self.ms_ssim):
                text += f", MS-SSIM {self.ms_ssim:.4f} ({self.ms_ssim_db:.2f} dB)"
        return text


# Name in the closing report, field, format.
_AVERAGES = (
    ("RGB PSNR (dB)", "psnr", ".3f"),
    ("MS-SSIM", "ms_ssim", ".5f"),
    ("MS-SSIM (dB)", "ms_ssim_db", ".3f"),
    ("actual bpp", "bpp", ".4f"),
    ("encode (s)", "encode_seconds", ".3f"),
    ("decode (s)", "decode_seconds", ".3f"),
)


def averages(rows):
    """Means over the rows, {field: value}; None for what no row has.

    MS-SSIM does not exist for pictures with a side under 176 pixels: its mean is over the others.
    """
    return {field: _mean(_known(rows, field)) for _, field, _ in _AVERAGES}


def closing_text(rows):
    """The closing report of a run over several pictures, in the order its authors print it."""
    lines = [f"average of {len(rows)} picture{'s' if len(rows) > 1 else ''}"]
    for (label, field, form), mean in zip(_AVERAGES, averages(rows).values()):
        if mean is not None:
            counted = len(_known(rows, field))
            note = f"   (of {counted}: the others are too small)" if counted < len(rows) else ""
            lines.append(f"  {label:<14}{mean:{form}}{note}")
    return "\n".join(lines)


def write(folder, rows, failed, **settings):
    """Writes report.json (settings, averages, rows, names that failed) and report.csv (rows)."""
    content = {
        **settings,
        "average": metrics.finite(averages(rows)),
        "failed": failed,
        "pictures": [metrics.finite(asdict(row)) for row in rows],
    }
    with files.replacing(folder / NAMES[0]) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
    with files.replacing(folder / NAMES[1]) as temporary, temporary.open("w", newline="") as stream:
        table = csv.DictWriter(stream, [field.name for field in fields(Row)])
        table.writeheader()
        table.writerows(asdict(row) for row in rows)


def _known(rows, field):
    values = [getattr(row, field) for row in rows]
    return [value for value in values if value is not None and not math.isnan(value)]


def _mean(values):
    return sum(values) / len(values) if values else None
