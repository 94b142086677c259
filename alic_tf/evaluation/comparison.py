"""Pictures against their references: what a metrics script prints for two folders."""

import math
from pathlib import Path

from alic_tf import errors, metrics
from alic_tf.evaluation import runner
from alic_tf.pictures import images


def pairs(reference, distorted):
    """(name, path of the reference, path of the distorted picture), by name.

    Args:
        reference, distorted: paths, both of pictures or both of folders. In folders, pictures
            belong together if their names but for the endings are the same.

    Raises:
        UsageError: a path is missing, or a picture has no counterpart, or more than one.
    """
    paths = Path(reference), Path(distorted)
    for path in paths:
        if not path.exists():
            raise errors.UsageError("no such file or folder", path)
    if paths[0].is_dir() != paths[1].is_dir():
        raise errors.UsageError("--reference and --distorted must be two pictures or two folders")
    if not paths[0].is_dir():
        return [(paths[1].name, *paths)]
    references, others = map(_by_stem, paths)
    for path, known in ((paths[0], others), (paths[1], references)):
        for stem, picture in _by_stem(path).items():
            if stem not in known:
                raise errors.UsageError("has no counterpart in the other folder", picture)
    if not references:
        raise errors.UsageError("no pictures in this folder", paths[0])
    return [(others[stem].name, references[stem], others[stem]) for stem in references]


def _by_stem(folder):
    found = {}
    for path in images.find(folder):
        if path.stem in found:
            raise errors.UsageError(f"has the same name as {found[path.stem].name}", path)
        found[path.stem] = path
    return found


def compare(reference, distorted):
    """How like two pictures are: a dictionary of psnr (dB), ssim, ms_ssim and ms_ssim_db (dB).

    Equal pictures have an infinite PSNR; SSIM and MS-SSIM of too small ones are not numbers.

    Raises:
        AlicError: one cannot be read, or they differ in size.
    """
    a, b = runner.read(reference), runner.read(distorted)
    if a.shape != b.shape:
        sizes = " and ".join(f"{image.shape[1]}x{image.shape[0]}" for image in (a, b))
        raise errors.AlicError(f"differs in size from its reference: {sizes}", distorted)
    ms_ssim = metrics.ms_ssim(a, b)
    return {"psnr": metrics.psnr(a, b), "ssim": metrics.ssim(a, b), "ms_ssim": ms_ssim,
            "ms_ssim_db": metrics.ms_ssim_db(ms_ssim)}  # fmt: skip


def means(rows):
    """Means of the measures over the rows that have them, finite; nan where none has."""

    def mean(key):
        values = [row[key] for row in rows if math.isfinite(row[key])]
        return sum(values) / len(values) if values else math.nan

    return {key: mean(key) for key in ("psnr", "ssim", "ms_ssim", "ms_ssim_db")}
