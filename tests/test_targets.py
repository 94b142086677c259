import math

import numpy as np
import pytest

from alic_tf import errors
from alic_tf.pictures.picture import Picture
from alic_tf.targets import Target, search

PICTURE = Picture.of(np.zeros((10, 20, 3), np.uint8))


class Ladder:
    """A codec whose file at step s has sizes[s] bytes and decodes with an error of errors[s].

    A search makes files larger by `growth` bytes.
    """

    def __init__(self, sizes, differences=None, growth=0):
        self.sizes, self.differences, self.trials = sizes, differences, []
        self.qualities, self.growth = 1 + (len(sizes) - 1) // 8, growth

    def encode_with_latents(self, picture, quality, advance=None, effort=0):
        step = round((quality - 1) * 8)
        self.trials.append(step)
        size = self.sizes[step] + self.growth * bool(effort)
        return bytes([step]) + bytes(size - 1), {"step": step, "effort": effort}

    def decode_picture(self, data):
        return Picture.of(PICTURE.rgb + np.uint8(self.differences[data[0]]))


def decibels(difference):
    return 20 * math.log10(255 / difference)


@pytest.mark.parametrize("limit", [100, 101, 109, 110, 384, 655, 660, 661, 10**9])
def test_the_largest_file_that_is_not_over_a_size(limit):
    codec = Ladder([100 + 10 * step for step in range(57)])
    found = search(codec, PICTURE, Target("bytes", limit))
    step = min((limit - 100) // 10, 56)
    assert (len(found.data), found.quality) == (100 + 10 * step, 1 + step / 8)
    assert found.latents == {"step": step, "effort": 0} and len(codec.trials) <= 6


def test_bits_per_pixel_are_those_of_the_whole_file():
    codec = Ladder([100 + 10 * step for step in range(57)])
    assert len(search(codec, PICTURE, Target("bpp", 8 * 250 / 200)).data) == 250


@pytest.mark.parametrize("growth, step, effort", [(-7, 20, 3), (5, 20, 3), (8, 19, 3), (18, 20, 0)])
def test_a_searched_file_reaches_the_target_too(growth, step, effort):
    codec = Ladder([100 + 10 * step for step in range(57)], growth=growth)
    found = search(codec, PICTURE, Target("bytes", 305), 3)
    assert found.latents == {"step": step, "effort": effort}
    assert len(found.data) == 100 + 10 * step + growth * bool(effort) <= 305
    assert found.quality == 1 + step / 8


@pytest.mark.parametrize("step", [0, 1, 27, 55, 56])
def test_the_smallest_file_that_is_not_under_a_psnr(step):
    codec = Ladder(range(100, 157), [100 - step for step in range(57)])
    for wanted in (decibels(100 - step) - 1e-4, decibels(100.5 - step)):
        assert search(codec, PICTURE, Target("psnr", wanted)).quality == 1 + step / 8
    assert search(codec, PICTURE, Target("psnr", 1)).quality == 1


@pytest.mark.parametrize(
    ("target", "cause"),
    [
        (Target("bytes", 99), "99 bytes cannot be reached: the qualities go from 100 to 660 bytes"),
        (Target("bpp", 3.99), "3.99 bpp cannot be reached: the qualities go from 4.000 to 26.400"),
        (Target("psnr", 40), "40 dB cannot be reached: the qualities go from 8.131 to 15.262 dB"),
    ],
)
def test_out_of_reach(target, cause):
    codec = Ladder([100 + 10 * step for step in range(57)], [100 - step for step in range(57)])
    with pytest.raises(errors.TargetOutOfReach, match=cause):
        search(codec, PICTURE, target)


def test_sizes_that_do_not_grow_still_give_a_file_within_the_limit():
    rng = np.random.default_rng(0)
    for _ in range(200):
        codec = Ladder(rng.integers(50, 150, 57).tolist())
        try:
            assert len(search(codec, PICTURE, Target("bytes", 80)).data) <= 80
        except errors.TargetOutOfReach:
            assert min(codec.sizes[step] for step in codec.trials) > 80


def test_a_model_of_one_rate():
    codec = Ladder([100], [1])
    assert search(codec, PICTURE, Target("bytes", 100)).quality == 1
    with pytest.raises(errors.TargetOutOfReach):
        search(codec, PICTURE, Target("bytes", 99))
