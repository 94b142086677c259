"""Local functions of pictures, evaluated in overlapping tiles so that memory stays bounded."""

import itertools
import math
from functools import cached_property, partial

import numpy as np

from alic_tf.progress import ignore, part

# Probes see this many blocks to each side before a function counts as not local.
MOST_BLOCKS = 16


class Tiling:
    """Evaluates a function of pictures tile by tile.

    A tile is read with a halo of as many samples as its outputs depend on, and not beyond the
    border of the picture, where the function finds the border as it finds that of a whole picture.
    The tiles follow from the size of the picture alone: sides are cut evenly, at multiples of
    `block`, into the fewest parts of at most `tile`. A picture that needs no cut is one tile.

    Args:
        function: of a float32 array [1, h, w, channels], sides multiples of `block`, to a tensor
            [1, h * up / down, w * up / down, any], where an output depends on inputs around it
            only, and a picture shifted by `block` gives the same output shifted.
        channels: of its input.
        tile: largest side of a tile without its halo, in input samples; less than `block` is
            `block`.
        block: see above; `block` * up / down is whole.
        up, down: ratio of the sides of output and input.
        fast: what is called instead, but to find the halo: the same compiled, also of further
            arguments.
        finish: function of the outputs [h, w, any] of a tile, element by element.
        halo: where it is known, what is found by experiment else.
    """

    def __init__(self, function, channels, tile, block, up=1, down=1, fast=None,
                 finish=np.asarray, halo=None):
        self.function, self.fast, self.finish = function, fast or function, finish
        self.channels = channels
        self.tile, self.block = tile, block
        self.up, self.down = up, down
        if halo is not None:
            self.halo = halo

    @cached_property
    def halo(self):
        """Samples around a tile on which its outputs depend, a multiple of `block`.

        Found by experiment: a block in the middle of a small picture is no numbers (NaN). All that
        depends on them is none either, whatever the weights. This holds for operations one by
        one: compilers may fuse a convolution with a ReLU that makes 0 of NaN.

        Raises:
            ValueError: the function depends on inputs more than `MOST_BLOCKS` away.
        """
        reach = 2
        while reach <= MOST_BLOCKS:
            side = (2 * reach + 1) * self.block
            probe = np.zeros((1, side, side, self.channels), "float32")
            middle = slice(reach * self.block, (reach + 1) * self.block)
            probe[:, middle, middle] = np.nan
            lost = np.isnan(np.asarray(self.function(probe))[0]).any(-1)
            found = max(self._blocks_reached(lost.any(axis), reach) for axis in (0, 1))
            if found < reach:
                return int(found) * self.block
            reach *= 2
        raise ValueError("the function depends on more of the picture than tiles can see")

    def _blocks_reached(self, lost, reach):
        """Blocks beyond the middle one into which a side's flags (outputs,) extend."""
        blocks = np.flatnonzero(lost) // (self.block * self.up // self.down)
        return max(reach - blocks[0], blocks[-1] - reach)

    def __call__(self, read, height, width, *arguments, advance=ignore):
        """The function's output for a picture, an array [height * up / down, ..., any].

        Args:
            read: function of two slices, rows and columns, that returns this part of the picture,
                float32 [rows, columns, channels].
            height, width: of the picture, multiples of `block`.
            arguments: the further arguments of `fast`.
            advance: function that is told each share of the work as it is done.
        """
        whole = None
        for rows, columns in itertools.product(*map(self._parts, (height, width))):
            output = np.asarray(self.fast(read(rows.read, columns.read)[None], *arguments))
            values = np.asarray(self.finish(output[0, rows.keep, columns.keep]))
            if whole is None:
                sides = (side * self.up // self.down for side in (height, width))
                whole = np.empty((*sides, *values.shape[2:]), values.dtype)
            whole[rows.write, columns.write] = values
            advance(values.shape[0] * values.shape[1] / (whole.shape[0] * whole.shape[1]))
        return whole

    def count(self, height, width):
        """Number of tiles of a picture."""
        return math.prod(len(self._cuts(size)) - 1 for size in (height, width))

    def _cuts(self, size):
        blocks = size // self.block
        parts = -(-blocks // max(1, self.tile // self.block))
        return [self.block * (blocks * i // parts) for i in range(parts + 1)]

    def _parts(self, size):
        cuts = self._cuts(size)
        halo = self.halo if len(cuts) > 2 else 0
        return [_Part(self, *cut, halo, size) for cut in itertools.pairwise(cuts)]


class _Part:
    """Slices along a side: of the input to read, of its output to keep, of the whole output."""

    def __init__(self, tiling, start, end, halo, size):
        first = max(start - halo, 0)
        self.read = slice(first, min(end + halo, size))

        def outputs(a, b):
            return slice(a * tiling.up // tiling.down, b * tiling.up // tiling.down)

        self.write = outputs(start, end)
        self.keep = outputs(start - first, end - first)


class Chain:
    """Tilings one after the other, each of which reads what the one before has made.

    Args:
        tilings: `Tiling`s.
        shares: of the work, of each; their sum is 1.
    """

    def __init__(self, tilings, shares):
        self.tilings, self.shares = tilings, shares

    def __call__(self, read, height, width, *arguments, advance=ignore):
        """As of one `Tiling`."""
        for tiling, share in zip(self.tilings, self.shares):
            whole = tiling(read, height, width, *arguments, advance=part(advance, share))
            height, width, _ = whole.shape
            read = partial(_window, whole)
        return whole


def _window(array, rows, columns):
    return array[rows, columns]
