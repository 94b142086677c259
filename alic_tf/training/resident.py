"""Crops cut on the accelerator out of photographs that stay in its memory; imports JAX."""

import functools
import time

import jax
import numpy as np
from jax import numpy as jnp

# Pixels that int32 can count, all that JAX has by default.
LARGEST = 2**31


def resident(sampler):
    """A `ResidentSampler` of the same crops, or `sampler` itself if it has too many pixels."""
    pixels = sum(photograph.size // 3 for photograph in sampler.photographs)
    return ResidentSampler(sampler) if pixels < LARGEST else sampler


class ResidentSampler:
    """The crops of a `CropSampler`, of which only the places go to the device at each step.

    Args:
        sampler: the `CropSampler`; its photographs have fewer than 2^31 pixels together.

    Attributes:
        seconds: time spent on crops so far, without what the device does meanwhile.
    """

    def __init__(self, sampler):
        self.sampler = sampler
        self.seconds = 0.0
        sizes = [height * width for height, width, _ in map(np.shape, sampler.photographs)]
        self.first = np.cumsum([0, *sizes[:-1]])
        self.widths = np.array([photograph.shape[1] for photograph in sampler.photographs])
        flat = [photograph.reshape(-1, 3) for photograph in sampler.photographs]
        self.pixels = jax.device_put(np.concatenate(flat))

    def __call__(self, step):
        """As that of `CropSampler`, with crops on the device."""
        start = time.perf_counter()
        places, qualities = self.sampler.draw(step)
        index, top, left, mirrored, upturned, transposed = places.T
        widths, last = self.widths[index], self.sampler.patch - 1
        top, left = top + last * upturned, left + last * mirrored
        corner = self.first[index] + top * widths + left
        # How far it is from a pixel of the crop to the next, downwards and to the right.
        down, right = np.where(upturned, -widths, widths), np.where(mirrored, -1, 1)
        down, right = np.where(transposed, (right, down), (down, right))
        lines = np.stack([corner, down, right]).astype("int32")
        crops = _cut(self.pixels, lines, self.sampler.patch)
        self.seconds += time.perf_counter() - start
        return crops, qualities


@functools.partial(jax.jit, static_argnums=2)
def _cut(pixels, lines, patch):
    corner, down, right = lines[:, :, None, None]
    across = jnp.arange(patch)
    return pixels[corner + down * across[:, None] + right * across]
