"""Time and memory by the size of a picture; `python -m alic_tf.evaluation.large --help`."""

import itertools
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from alic_tf import errors, flags
from alic_tf.flags import Flag

USAGE = """\
usage: python -m alic_tf.evaluation.large --data DIR [--megapixels 1,10,100] ...

Encodes and decodes pictures of several sizes and prints seconds per megapixel, of the clock and
of the processors, and the peak memory of the process, which includes the largest picture. The
largest picture is a mosaic of photographs, the others are cut from it at several places; of those
of a size medians are printed, and ratios to the first size.
"""

FLAGS = (
    Flag("string", "data", None, "DIR", "folder of photographs or tar shards of them"),
    Flag("string", "megapixels", "1,10,100", "LIST", "sizes, ascending"),
    Flag("string", "model", "dwan", "NAME", "model: a name, or the folder of an exported one"),
    Flag("float", "quality", 4.0, "Q", "from 1 to 8"),
    Flag("integer", "runs", 5, "N", "pictures of a size", "", (1, 100)),
    flags.HELP,
)

# Heights of the mosaic's rows, in pixels.
ROWS = (320, 640)
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Cost(NamedTuple):
    """What a call took: seconds of the clock and of the processors, bytes of memory at its peak."""

    clock: float
    processor: float
    memory: int


def run(argv):
    """Parses the command line and prints a line per size; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    sizes = [shape(megapixels) for megapixels in _numbers(values.megapixels)]
    if not values.data or not Path(values.data).is_dir():
        raise errors.UsageError("--data must be a folder of photographs")

    from alic_tf import zoo
    from alic_tf.training.data import load_photographs

    whole = mosaic(load_photographs(values.data), *sizes[-1])
    codec = zoo.load(values.model)
    codec.decode(codec.encode(whole[:64, :64], values.quality))  # traces the networks
    first = None
    for size in sizes:
        rows = [measure(codec, crop, values.quality) for crop in crops(whole, size, values.runs)]
        bpp, encode, decode = (np.median(part, axis=0) for part in zip(*rows))
        rates = np.array([encode[:2], decode[:2]]) / (size[0] * size[1] / 1e6)
        first = rates if first is None else first
        texts = [
            f"{name} {clock:.3f} s/MP ({ratio[0]:.2f}x), processors {processor:.3f} s/MP "
            f"({ratio[1]:.2f}x), peak {max(row[i].memory for row in rows) / 1e6:.0f} MB"
            for i, (name, (clock, processor), ratio) in enumerate(
                zip(("encode", "decode"), rates, rates / first), 1)
        ]  # fmt: skip
        print(f"{size[1]}x{size[0]}, {bpp:.3f} bpp: {'; '.join(texts)}", flush=True)
    return 0


def shape(megapixels):
    """Height and width, multiples of 64, of a picture of about this size, 3 to 2."""
    width = (1.5e6 * megapixels) ** 0.5
    return tuple(max(round(side / 64), 1) * 64 for side in (width / 1.5, width))


def mosaic(photographs, height, width, seed=0):
    """A picture of many: rows of photographs, each enlarged or reduced to the height of its row.

    Args:
        photographs: list of uint8 arrays [h, w, 3].
        height, width: of the result.
        seed: of the order, which is another one whenever all photographs have had their turn.

    Returns:
        uint8 array [height, width, 3].
    """
    rng = np.random.default_rng(seed)
    count = len(photographs)
    shuffled = (photographs[i] for _ in itertools.count() for i in rng.permutation(count))
    out = np.empty((height, width, 3), "uint8")
    top = 0
    while top < height:
        row = min(int(rng.integers(*ROWS)), height - top)
        left = 0
        while left < width:
            photograph = Image.fromarray(next(shuffled))
            size = (max(round(photograph.width * row / photograph.height), 1), row)
            pixels = np.asarray(photograph.resize(size, Image.Resampling.BICUBIC))
            out[top : top + row, left : left + size[0]] = pixels[:, : width - left]
            left += size[0]
        top += row
    return out


def crops(picture, size, count):
    """Crops of a size, spread evenly over the diagonal of a picture; one if it is the whole."""
    free = np.subtract(picture.shape[:2], size)
    places = np.linspace((0, 0), free, count).astype(int) if free.any() else [free]
    for top, left in places:
        yield np.ascontiguousarray(picture[top : top + size[0], left : left + size[1]])


def measure(codec, picture, quality):
    """(bits per pixel, `Cost` of encoding, `Cost` of decoding)."""
    data, encode = _cost(lambda: codec.encode(picture, quality))
    _, decode = _cost(lambda: codec.decode(data))
    return 8 * len(data) / (picture.shape[0] * picture.shape[1]), encode, decode


def _cost(call):
    """(result, `Cost`) of a call."""
    _RESET.write_text("5")  # of Linux: the peak starts anew
    clock, processor = time.perf_counter(), time.process_time()
    result = call()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    peak = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return result, Cost(clock, processor, int(peak.split()[1]) * 1024)


def _numbers(text):
    try:
        numbers = [float(word) for word in text.split(",")]
        if numbers == sorted(numbers) and numbers[0] > 0:
            return numbers
    except ValueError:
        pass
    raise errors.UsageError("--megapixels must be ascending positive numbers, such as 1,10,100")


if __name__ == "__main__":
    sys.exit(flags.main(run, sys.argv))
