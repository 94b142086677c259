"""Padding to the model's stride, and back."""

import numpy as np
import pytest

from alic_tf.padding import crop, pad

SIZES = [(1, 1), (1, 300), (64, 64), (65, 63), (17, 33), (127, 129)]


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_crop_undoes_pad(size, centred):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), "uint8")
    padded = pad(image, 64, centred)
    assert padded.dtype == np.uint8 and padded.shape[2] == 3
    assert all(n % 64 == 0 and 0 <= n - m < 64 for n, m in zip(padded.shape, size))
    np.testing.assert_array_equal(crop(padded, *size, 64, centred), image)


def test_centred_padding_is_of_zeros_on_all_sides():
    padded = pad(np.full((3, 2, 1), 7, "uint8"), 8, True)
    expected = np.zeros((8, 8), "uint8")
    expected[2:5, 3:5] = 7
    np.testing.assert_array_equal(padded[..., 0], expected)


def test_other_padding_repeats_the_last_row_and_column():
    image = np.arange(6, dtype="uint8").reshape(2, 3, 1)
    expected = [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    np.testing.assert_array_equal(pad(image, 4, False)[..., 0], expected)


@pytest.mark.parametrize("centred", [True, False])
def test_part_of_the_padded_image(centred):
    image = np.random.default_rng(0).integers(0, 256, (70, 33, 3), "uint8")
    whole = pad(image, 64, centred)
    windows = ((slice(0, 20), slice(40, 64)), (slice(3, 128), slice(0, 1)),
               (slice(0, 16), slice(56, 64)), (slice(112, 128), slice(0, 8)))
    for window in windows:
        np.testing.assert_array_equal(pad(image, 64, centred, *window), whole[window])
