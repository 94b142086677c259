"""Bringing image sides to multiples of the model's stride, and back."""

import numpy as np


def _borders(size, stride, centred):
    missing = -size % stride
    before = missing // 2 if centred else 0
    return before, missing - before


def pad(image, stride, centred):
    """Extends an image [h, w, c] so that its sides are multiples of `stride`.

    Args:
        centred: with True, zeros on all sides (as Fu et al. do); else the last row and column
            are repeated, which costs fewer bits.
    """
    borders = [_borders(size, stride, centred) for size in image.shape[:2]]
    return np.pad(image, [*borders, (0, 0)], mode="constant" if centred else "edge")


def crop(image, height, width, stride, centred):
    """Inverse of `pad`, for an image that had this height and width."""
    top, left = (_borders(size, stride, centred)[0] for size in (height, width))
    return image[top : top + height, left : left + width]
