"""Finding the quality at which a picture's file has the size, or the likeness, asked for."""

import bisect
from typing import NamedTuple

from alic_tf import errors, metrics
from alic_tf.bitstream.quality_steps import quality_of_step, step_of_quality
from alic_tf.progress import ignore


class Target(NamedTuple):
    """What to reach.

    Fields:
        kind: "bytes", at most so many; "bpp", at most so many bits per pixel of the whole file;
            "psnr", at least so many dB after decoding.
        value: a positive number.
    """

    kind: str
    value: float


class Found(NamedTuple):
    """A file that reaches a target: its quality, its bytes and the latents it holds."""

    quality: float
    data: bytes
    latents: dict


def search(codec, picture, target, effort=0, advance=ignore):
    """The best file that is not over a size, or the smallest that is not under a PSNR.

    Bisects the qualities that a file can have, as if size and PSNR grew with each: that takes six
    trials with 57 qualities. What is found reaches the target in any case. With an effort, the file
    of the quality that is found is searched for once more, and if that misses the target, which it
    may by a little, that of the next quality.

    Arguments:
        codec: a `Codec`.
        picture: a `Picture`.
        target: a `Target`.
        effort, advance: as of `Codec.encode_with_latents`; of the last search only.

    Returns:
        A `Found`.

    Raises:
        TargetOutOfReach: no quality does; the message says what the first and the last give.
    """
    steps = range(step_of_quality(codec.qualities, codec.qualities) + 1)
    likeness = target.kind == "psnr"
    found = None

    def figure(step, *search):
        nonlocal found
        quality = quality_of_step(step)
        data, latents = codec.encode_with_latents(picture, quality, *search)
        value = _measure(codec, picture, data, target.kind)
        # Only the last of these is kept: bisection comes to better ones, and latents are large.
        if value >= target.value if likeness else value <= target.value:
            found = Found(quality, data, latents)
        return value

    (bisect.bisect_left if likeness else bisect.bisect_right)(steps, target.value, key=figure)
    if found is None:
        low, high = figure(steps[0]), figure(steps[-1])
    if found is None:
        unit = {"bytes": "bytes", "bpp": "bpp", "psnr": "dB"}[target.kind]
        digits = ".0f" if target.kind == "bytes" else ".3f"
        raise errors.TargetOutOfReach(
            f"{target.value:g} {unit} cannot be reached: the qualities go from {low:{digits}} to "
            f"{high:{digits}} {unit}"
        )
    if effort:
        step, plain = step_of_quality(found.quality, codec.qualities), found
        following = step + 1 if likeness else step - 1
        figure(step, advance, effort)
        if found is plain and following in steps:
            figure(following, advance, effort)
    return found


def _measure(codec, picture, data, kind):
    if kind == "psnr":
        return metrics.psnr(picture.rgb, codec.decode_picture(data).rgb)
    if kind == "bpp":
        height, width = picture.rgb.shape[:2]
        return 8 * len(data) / (width * height)
    return len(data)
