"""Training photographs: reading them, and drawing crops that depend on nothing but the step."""

import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from alic_tf.errors import ImageUnreadable
from alic_tf.pictures import images

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".ppm")


def _encoded(path):
    """Yields (path, bytes) of every picture in a folder, its subfolders and their tar shards."""
    for file in sorted(Path(path).rglob("*")):
        if file.suffix == ".tar":
            yield from _of_shard(file)
        elif file.suffix.lower() in SUFFIXES:
            yield file, file.read_bytes()


def _of_shard(file):
    """Yields (path, bytes) of every picture in a tar file."""
    try:
        # Not compressed, and none of the files that are holes: a few bytes would be gigabytes.
        with tarfile.open(file, "r:") as shard:
            for member in shard:
                picture = Path(member.name).suffix.lower() in SUFFIXES
                if picture and member.isreg() and not member.issparse():
                    yield file / member.name, shard.extractfile(member).read()
    # Of sizes that no file has, too, more than one kind of error.
    except (tarfile.TarError, OSError, ValueError, OverflowError, MemoryError) as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise ImageUnreadable(f"not a tar file, or damaged ({cause})", file) from error


def _decode(item):
    path, data = item
    try:
        return np.asarray(images.open_image(data).convert("RGB"))
    except ImageUnreadable as error:
        error.path = path
        raise
    except Exception as error:  # Pillow's decoders fail on damaged data in ways of every type
        raise ImageUnreadable("not an image that can be read", path) from error


def load_photographs(path, smallest_side=0, workers=2):
    """Reads every picture below a folder.

    Args:
        path: a folder of pictures and/or tar shards of pictures.
        smallest_side: pictures with a shorter side are left out.
        workers: decoding threads.

    Returns:
        list of uint8 arrays [h, w, 3], in the order of their names.

    Raises:
        ImageUnreadable: a picture cannot be read, or there is none, or none large enough.
    """
    with ThreadPoolExecutor(workers) as pool:
        pictures = list(pool.map(_decode, _encoded(path)))
    photographs = [picture for picture in pictures if min(picture.shape[:2]) >= smallest_side]
    if not pictures:
        raise ImageUnreadable("holds no pictures", path)
    if not photographs:
        cause = f"none of {len(pictures)} pictures has sides of at least {smallest_side} pixels"
        raise ImageUnreadable(cause, path)
    return photographs


def with_reductions(photographs, smallest_side, seed=0):
    """Adds a copy of each photograph reduced by a random factor of 0.6 to 0.9 (Lanczos).

    Photographs that were made from much larger originals are sharper per pixel than most
    pictures; the reduced copies vary the sharpness at no cost during training.
    """
    rng = np.random.default_rng(seed)
    reduced = []
    for photograph in photographs:
        height, width = photograph.shape[:2]
        factor = max(rng.uniform(0.6, 0.9), smallest_side / min(height, width))
        size = (round(width * factor), round(height * factor))
        reduced.append(np.asarray(Image.fromarray(photograph).resize(size, Image.LANCZOS)))
    return photographs + reduced


class CropSampler:
    """Random crops with flips and transpositions, a pure function of the step.

    Args:
        photographs: list of uint8 arrays [h, w, 3], sides at least `patch`.
        patch: side of the crops, in pixels.
        batch: crops per step.
        qualities: number of whole qualities; each crop draws a real quality in 1..qualities.
        seed: of all draws.

    Attributes:
        seconds: time spent on crops so far.
    """

    def __init__(self, photographs, patch, batch, qualities, seed=0):
        self.photographs = photographs
        self.patch = patch
        self.batch = batch
        self.qualities = qualities
        self.seed = seed
        self.seconds = 0.0
        areas = np.array([p.shape[0] * p.shape[1] for p in photographs], "float64")
        self.probabilities = np.cumsum(areas / areas.sum())

    def __call__(self, step):
        """Returns (crops uint8 [batch, patch, patch, 3], qualities float32 [batch])."""
        start = time.perf_counter()
        places, qualities = self.draw(step)
        crops = np.empty((self.batch, self.patch, self.patch, 3), "uint8")
        for crop, (index, top, left, mirrored, upturned, transposed) in zip(crops, places):
            view = self.photographs[index][top : top + self.patch, left : left + self.patch]
            view = view[:: -1 if upturned else 1, :: -1 if mirrored else 1]
            crop[:] = view.transpose(1, 0, 2) if transposed else view
        self.seconds += time.perf_counter() - start
        return crops, qualities

    def draw(self, step):
        """What the crops of a step are.

        Returns:
            int array [batch, 6] of photograph, top, left, and whether mirrored, upside down, and
            then transposed; qualities float32 [batch].
        """
        rng = np.random.default_rng((self.seed, step))
        chosen = np.searchsorted(self.probabilities, rng.random(self.batch))
        places = np.empty((self.batch, 6), "int64")
        for place, index in zip(places, np.minimum(chosen, len(self.photographs) - 1)):
            sides = self.photographs[index].shape[:2]
            corner = [rng.integers(n - self.patch + 1) for n in sides]
            place[:] = index, *corner, *(rng.random() < 0.5 for _ in range(3))
        return places, rng.uniform(1, self.qualities, self.batch).astype("float32")
