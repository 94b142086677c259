"""Decisions for tests of the range coders: likely ones, extreme ones, and long carries."""

import numpy as np

from alic_tf.integer.range_coder import RangeDecoder

KINDS = ("likely", "carries", "extreme")
# Steps, lanes.
SHAPES = (0, 3), (1, 300), (2, 300), (3, 300), (7, 300), (40, 300), (301, 64), (2000, 3), (999, 1)


def decisions(kind, steps, lanes, rng):
    """Probabilities of symbol 0, and symbols, (steps, lanes)."""
    shape = (steps, lanes)
    if kind == "extreme":
        p = rng.choice([0, 1, 2, 32768, 65534, 65535], shape)
        return p, np.where(p == 0, 1, rng.integers(0, 2, shape))
    p = np.clip(65536 * rng.beta(0.1, 0.1, shape), 1, 65535).astype("int64")
    symbols = (rng.random(shape) * 65536 >= p).astype("int64")
    if kind == "carries":
        # Those whose intervals hold 1/2 to the end, where it turns out on which side of it they
        # are: the words between are all zeros or all ones.
        symbols[:-5] = RangeDecoder([b"\x80"] * lanes).decode(p)[:-5]
    return p, symbols
