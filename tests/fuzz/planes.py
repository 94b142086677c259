"""Alpha planes that nobody packed: mutations of WebP and PNG files."""

import numpy as np

from alic_tf import errors
from alic_tf.pictures import alpha
from tests.fuzz.streams import damaged, png

MAX_PIXELS = 2**20
OTHER_SIZE = 64, 64


class Target:
    """Alpha planes: each ends in a plane of the size asked for, or in `Malformed`."""

    ending, success = ".bin", "plane"

    def __init__(self):
        y, x = np.mgrid[:60, :70]
        planes = [y + x, np.where(np.hypot(y - 30, x - 35) < 25, 255, 0), np.full((300, 300), 128),
                  np.zeros((1, 1)), np.full((16384, 2), 7)]
        self.good = [alpha.pack(plane.astype("uint8")) for plane in planes]

    def mutant(self, rng):
        return png(rng) if rng.random() < 0.2 else damaged(
            self.good[rng.integers(len(self.good))], self.good, rng)

    def outcome(self, data):
        try:
            width, height = alpha.announced(data)
            if width * height > MAX_PIXELS:
                width, height = OTHER_SIZE
            plane = alpha.unpack(data, width, height)
        except errors.AlicError as error:
            return type(error).__name__
        assert plane.shape == (height, width) and plane.dtype == np.uint8
        return "plane"
