"""`alic evaluate`: codecs measured on pictures, and pictures against each other."""

import json
import math
import sys
from pathlib import Path

from alic_tf import errors, files, flags
from alic_tf.command import options
from alic_tf.flags import Flag

USAGE = """\
usage: alic evaluate --data DIR [--codecs LIST] [--out DIR] [--jobs N] ...
       alic evaluate --reference PATH --distorted PATH [--json]

Encodes all pictures of a folder to real files and decodes them, with our models and with classical
codecs, and writes a report: report.html, report.md, rate_distortion.png and a JSON file per codec.
An interrupted run goes on where it stopped; what is finished is not repeated.

Or compares pictures with references of the same names, whatever their endings: PSNR, SSIM and
MS-SSIM of each, and their means.
"""

FLAGS = (
    Flag("string", "data", None, "DIR", "folder of pictures; for the 24 Kodak pictures, published "
         "results are reported beside the measured ones"),
    Flag("list", "codecs", ["dwan", "jpeg", "jpeg2000", "webp", "avif"], "A,B,...", "names of our "
         "models, folders of exported ones and of training runs, and classical codecs: jpeg, "
         "jpeg2000, webp, avif, avif420, and with their plugins heic and jxl; dwan:3 is dwan at "
         "effort 3, and avif:3 AVIF at speed 3"),
    Flag("list", "qualities", None, "1,2,...", "qualities of our models to measure (default all)"),
    Flag("list", "anchors", None, "A,B,...", "codecs that BD-rates refer to, measured or published "
         "ones (default VVC, BPG and JPEG)"),
    Flag("integer", "jobs", 1, "N", "processes that work at once", "", (1, 1024), "j"),
    Flag("integer", "pictures", 0, "N", "also write pictures.html: the first N pictures, by all "
         "codecs, at the size of the first one's files", "", (0, 10**6)),
    Flag("string", "out", "runs/evaluation", "DIR", "folder of the report", short="o"),
    Flag("string", "reference", None, "PATH", "picture or folder of pictures to compare with"),
    Flag("string", "distorted", None, "PATH", "what to compare: a picture, or a folder"),
    options.JSON,
    flags.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line, measures and reports; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    for name in ("data", "reference", "distorted"):
        if values[name] == "":
            raise errors.UsageError("a path is empty")
    if values.reference is not None or values.distorted is not None:
        return _compare(values)
    if values.data is None:
        raise errors.UsageError("give the folder of pictures with --data")
    if not Path(values.data).is_dir():
        raise errors.UsageError("no such folder", values.data)
    if not values.out:
        raise errors.UsageError("a path is empty")
    files.check_writable(values.out)

    from alic_tf.evaluation import page, pictures, results, runner
    from alic_tf.pictures import images

    paths = images.find(values.data)
    if not paths:
        raise errors.UsageError("no pictures in this folder", values.data)
    codecs = codecs_of(values.codecs, whole_numbers("qualities", values.qualities), values.out)
    names = [path.name for path in paths]
    page.check_anchors(values.anchors, [codec.name for codec in codecs], names)
    measured, failed = runner.run(codecs, paths, values.out, values.jobs)
    summaries = [
        results.summarize(codec, measured[codec.name], names, values.jobs) for codec in codecs
    ]
    summaries = [summary for summary in summaries if summary["pictures"]]
    if not summaries:
        raise errors.AlicError("all pictures failed", values.data)
    for summary in summaries:
        results.write(values.out, summary)
    page.write(values.out, summaries, values.anchors)
    if values.pictures:
        pictures.write(values.out, codecs, paths[: values.pictures])
    print(f"{Path(values.out, page.PAGE)}: {', '.join(s['name'] for s in summaries)}")
    if failed:
        print(f"{len(failed)} of {len(paths)} pictures failed", file=sys.stderr)
    return 1 if failed else 0


def codecs_of(names, qualities, folder):
    """The codecs of these names, ready to be asked for their settings.

    Arguments:
        names: as in --codecs.
        qualities: whole ones to measure, None for all.
        folder: of the report; models of training runs are exported to models/ in it.

    Raises:
        UsageError: a name is unknown, or names two codecs that would share their results.
    """
    from alic_tf.evaluation.baselines import CODECS
    from alic_tf.evaluation.learned import Learned

    codecs = {}
    for name in names:
        name, effort = _effort(name)
        if Path(name, "config.json").is_file():
            name = _exported(name, folder)
        if name in CODECS:
            codec = (CODECS[name] if effort is None else CODECS[name].at_effort(effort)).load()
        else:
            codec = Learned(name, qualities, effort or 0)
        if codec.name in codecs:
            raise errors.UsageError(f"two codecs are named {codec.name}")
        codecs[codec.name] = codec
    if not codecs:
        raise errors.UsageError("give at least one codec with --codecs")
    return list(codecs.values())


def _effort(name):
    """(name, effort) of "name:effort"; without one, it is None."""
    stem, colon, number = name.rpartition(":")
    return (stem, int(number)) if colon and number.isdecimal() else (name, None)


def _exported(run_folder, folder):
    """Folder of the model of a training run, exported to it as the run is now."""
    from alic_tf.training.folder import RunFolder
    from alic_tf.training.settings import Settings

    run_folder = RunFolder(run_folder)
    settings = Settings.stored(run_folder)
    from alic_tf.training.run import Run

    run = Run(run_folder, settings)
    run.prepare(resume=True)
    name = run_folder.path.absolute().name
    return run.export(Path(folder, "models", name), run_folder.best.exists()).parent


def whole_numbers(name, texts):
    """The strings that a flag has, as integers; None as it is."""
    try:
        return texts and [int(text) for text in texts]
    except ValueError as error:
        raise errors.UsageError(f"--{name} must be whole numbers, as in 1,4,8") from error


def _compare(values):
    """Prints how like its reference each picture is; returns the exit code."""
    given = sorted(values.given - {"json"})
    if given != ["distorted", "reference"]:
        other = next((name for name in given if name not in ("distorted", "reference")), None)
        raise errors.UsageError(
            f"--{other} does not go with --reference" if other
            else "--reference and --distorted go together"
        )  # fmt: skip
    from alic_tf.evaluation import comparison

    rows, failed = [], 0
    for name, reference, distorted in comparison.pairs(values.reference, values.distorted):
        try:
            rows.append({"name": name, **comparison.compare(reference, distorted)})
        except errors.AlicError as error:
            print(f"error: {error}", file=sys.stderr)
            failed += 1
        else:
            _print_likeness(rows[-1], values.json)
    if len(rows) > 1:
        _print_likeness({"name": f"mean of {len(rows)}", **comparison.means(rows)}, values.json)
    return 1 if failed else 0


def _print_likeness(row, as_json):
    from alic_tf import metrics

    if as_json:
        print(json.dumps(metrics.finite(row)))
        return
    parts = [f"PSNR {row['psnr']:.2f} dB"]
    if not math.isnan(row["ssim"]):  # The picture is large enough.
        parts.append(f"SSIM {row['ssim']:.4f}")
    if not math.isnan(row["ms_ssim"]):
        parts.append(f"MS-SSIM {row['ms_ssim']:.4f} ({row['ms_ssim_db']:.2f} dB)")
    print(f"{row['name']}: {', '.join(parts)}")
