"""Bringing image sides to multiples of the model's stride, and back."""

import numpy as np


def padded_size(size, stride):
    """The smallest multiple of `stride` that is not below `size`."""
    return -(-size // stride) * stride


def _before(size, stride, centred):
    """Samples added in front of a side."""
    return (padded_size(size, stride) - size) // 2 if centred else 0


def pad(image, stride, centred, rows=slice(None), columns=slice(None)):
    """Extends an image [h, w, c] so that its sides are multiples of `stride`.

    Args:
        centred: with True, zeros on all sides (as Fu et al. do); else the last row and column
            are repeated, which costs fewer bits.
        rows, columns: slices of the extended image; only that part of it is made.
    """
    windows = [_window(size, stride, centred, wanted)
               for size, wanted in zip(image.shape, (rows, columns))]
    part = image[tuple(inside for inside, _ in windows)]
    missing = [lacking for _, lacking in windows] + [(0, 0)]
    if not np.any(missing):
        return part
    return np.pad(part, missing, "constant" if centred else "edge")


def _window(size, stride, centred, wanted):
    """What a slice of an extended side takes from the side: (slice, samples before and after)."""
    first, last, _ = wanted.indices(padded_size(size, stride))
    before = _before(size, stride, centred)
    least = 0 if centred else 1  # What is repeated must be there.
    start = min(max(first - before, 0), size - least)
    stop = max(min(last - before, size), start + least)
    missing = last - first - (stop - start)
    ahead = min(max(before - first, 0), missing)
    return slice(start, stop), (ahead, missing - ahead)


def crop(image, height, width, stride, centred):
    """Inverse of `pad`, for an image that had this height and width."""
    top, left = (_before(size, stride, centred) for size in (height, width))
    return image[top : top + height, left : left + width]
