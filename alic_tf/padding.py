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
    places = []
    for size, wanted in zip(image.shape, (rows, columns)):
        extended = np.arange(padded_size(size, stride))[wanted]
        places.append(extended - _before(size, stride, centred))
    inside = [np.clip(place, 0, size - 1) for place, size in zip(places, image.shape)]
    part = image[np.ix_(*inside)]
    if centred:
        part[inside[0] != places[0]] = 0
        part[:, inside[1] != places[1]] = 0
    return part


def crop(image, height, width, stride, centred):
    """Inverse of `pad`, for an image that had this height and width."""
    top, left = (_before(size, stride, centred) for size in (height, width))
    return image[top : top + height, left : left + width]
