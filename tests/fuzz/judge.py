"""What may become of any bytes: something good or a typed error, soon and in little memory."""

import resource
import sys
import time
import warnings
from typing import NamedTuple

import numpy as np

from alic_tf import errors
from alic_tf.bitstream import container
from alic_tf.pictures import images

MEGABYTE = 2**20
CLOCKS = time.perf_counter, time.process_time


class Verdict(NamedTuple):
    """What became of an input: a word or the name of an error; and how many seconds it took.

    Those of the clock or of the processor, whichever are fewer: neither a machine that is busy with
    other things nor one with many cores makes an input slow.
    """

    outcome: str
    seconds: float


def peak_megabytes():
    """Largest resident set that this process has had so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE


def timed(outcome, *arguments):
    """The `Verdict` of a function that returns what became of its arguments."""
    starts = [clock() for clock in CLOCKS]
    word = outcome(*arguments)
    return Verdict(word, min(clock() - start for clock, start in zip(CLOCKS, starts)))


def judge(codec, data, max_pixels):
    """Does with bytes what a reader of files from anywhere does.

    Args:
        codec: `Codec`.
        data: bytes.
        max_pixels: limit of the reader.

    Returns:
        "image" or the name of an error.

    Raises:
        AssertionError: it ends in a picture that is none, or an error of more than one line.
        Any exception that is no `AlicError`.
    """
    try:
        header, _ = container.unpack(data, max_pixels=max_pixels)
        assert codec.info(data)["bytes"] == len(data)
        picture = codec.decode_picture(data)
        with warnings.catch_warnings():
            # Of profiles and metadata that are not what they should be.
            warnings.simplefilter("ignore", errors.ImageWarning)
            images.encode(picture.without_metadata(), "PNG")
            images.encode(picture, "PNG")
    except errors.AlicError as error:
        assert "\n" not in str(error)
        return type(error).__name__
    array = picture.array()
    assert array.dtype == np.uint8 and array.shape[:2] == (header.height, header.width)
    return "image"
