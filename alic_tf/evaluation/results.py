"""What a codec reached on a set of pictures: a JSON file per codec, and its curve."""

import json
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

from alic_tf import errors, files
from alic_tf.evaluation.published import is_kodak
from alic_tf.evaluation.rate_distortion import Curve

FORMAT = 1
MEANS = ("bpp", "psnr", "ssim", "ms_ssim")
MEDIANS = ("encode_seconds", "decode_seconds")
# A picture is "good" at these levels: the share of pictures that reach them is reported.
GOOD_PSNR, GOOD_SSIM, SMALL_BPP = 34.0, 0.9, 0.4


def summarize(codec, measurements, pictures, jobs):
    """The result of a codec, as a dictionary for `write`.

    Args:
        codec: `baselines.Classical` or `learned.Learned`.
        measurements: as `runner.run` returns them.
        pictures: names of those that were to be measured.
        jobs: number of processes that ran at once.
    """
    names = sorted({record["image"] for record in measurements})
    return {
        "format": FORMAT,
        "name": codec.name,
        "codec": codec.identity,
        "kind": codec.kind,
        "setting": codec.setting,
        **codec.costs(),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, {jobs} at once",
        "pictures": len(names),
        "kodak": is_kodak(names),
        "failed": sorted(set(pictures) - set(names)),
        "averages": [
            average([record for record in measurements if record["setting"] == setting])
            for setting in codec.settings
            if names
        ],
        "measurements": [
            {key: value for key, value in record.items() if key not in ("codec", "digest")}
            for record in measurements
        ],
    }


def average(records):
    """Averages over the pictures at one setting.

    Means, but medians of seconds, which are robust to what else a machine does. Infinite PSNR and
    the MS-SSIM of too small pictures do not exist in measurements: the mean is over the others.
    """

    def over(key, function):
        values = [record[key] for record in records if record[key] is not None]
        return round(function(values), 6) if values else None

    def share(test):
        return round(sum(map(test, records)) / len(records), 6)

    return {
        "setting": records[0]["setting"],
        **{key: over(key, statistics.fmean) for key in MEANS},
        **{key: over(key, statistics.median) for key in MEDIANS},
        "share_good_psnr": share(lambda r: r["psnr"] is None or r["psnr"] >= GOOD_PSNR),
        "share_good_ssim": share(lambda r: r["ssim"] is not None and r["ssim"] >= GOOD_SSIM),
        "share_small": share(lambda r: r["bpp"] <= SMALL_BPP),
    }


def write(folder, result):
    """Writes a result to <name>.json in `folder`."""
    with files.replacing(Path(folder, f"{result['name']}.json")) as temporary:
        temporary.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")


def read(folder):
    """The results in a folder: learned codecs first, each kind by name.

    Raises:
        UsageError: a .json file there is no result of this version.
    """
    results = []
    for path in Path(folder).glob("*.json"):
        try:
            result = json.loads(path.read_text())
            known = result["format"] == FORMAT
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise errors.UsageError("is not a result of an evaluation", path) from error
        if not known:
            raise errors.UsageError("was written by another version of this program", path)
        results.append(result)
    return sorted(results, key=lambda r: (r["kind"] != "learned", r["name"]))


def curve(result):
    """The averages of a result as a `Curve`."""
    nan = float("nan")
    points = tuple(
        tuple(nan if row[key] is None else row[key] for key in ("bpp", "psnr", "ms_ssim"))
        for row in result["averages"]
    )
    return Curve(result["name"], points, "mse" if result["kind"] == "learned" else "none")


def commit():
    """The commit of this program, with "-dirty" if files differ from it; None outside of git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


def processor():
    """Name of the processor."""
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
