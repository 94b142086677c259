"""Searched files: never worse by the real coder and decoder, the same each time, any size."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from alic_tf import efforts, refinement
from alic_tf.integer.fixed_point import ONE
from tests import tiny_models
from tests.test_codec import MODELS, picture

STEPS = 40


@functools.cache
def codec_of(name):
    return tiny_models.codec(MODELS[name]())


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(refinement, "STRETCH", STEPS // 2)
    monkeypatch.setattr(efforts, "STEPS", (0, STEPS))


def cost(codec, image, data, quality=1):
    """lambda D + R in bits, of a file and what it decodes to."""
    error = np.square(codec.decode(data).astype(float) - image).mean(-1).sum()
    return 8 * len(data) + codec.model.lambdas[quality - 1] * error


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.long] * (name != "dwan"))
    for name in MODELS])
def test_a_searched_file_costs_less_and_decodes_as_it_was_coded(name):
    codec, image = codec_of(name), picture(60, 100)
    plain = codec.encode(image, 1)
    data, coded = codec.encode_with_latents(image, 1, effort=1)
    assert cost(codec, image, data) < cost(codec, image, plain)
    for key, latent in codec.latents(data).items():
        np.testing.assert_array_equal(latent, coded[key])
    assert codec.encode(image, 1, 1) == data


def test_tiles_are_searched_in_their_places(monkeypatch):
    monkeypatch.setattr(refinement, "TILE", 64)
    codec, image = codec_of("dwan"), picture(150, 70)
    monkeypatch.delitem(vars(codec), "_refinement", raising=False)
    told = []
    data, _ = codec.encode_with_latents(image, 3, told.append, 1)
    assert cost(codec, image, data, 3) < cost(codec, image, codec.encode(image, 3), 3)
    # Three rows of two tiles.
    assert len(told) == 6 * STEPS and sum(told) == pytest.approx(1)


def test_a_search_that_is_ended_at_once_finds_nothing():
    codec, image = codec_of("dwan"), picture(60, 100)

    def end(share):
        raise refinement.Enough

    assert codec.encode_with_latents(image, 1, end, 1)[0] == codec.encode(image, 1)


@pytest.mark.parametrize("effort", [-1, 2, 0.5])
def test_efforts_that_do_not_exist(effort):
    with pytest.raises(ValueError, match="effort must be in 0..9, not"):
        codec_of("dwan").encode(picture(8, 8), effort=effort)


def test_cold_rounding_is_that_of_the_coder_and_hot_rounding_is_fair():
    deviations = tf.random.stateless_normal([1000], [1, 2], stddev=3.0)
    cold = refinement._at_random(1e-3, 1)(deviations, None)
    np.testing.assert_allclose(cold, np.rint(deviations), atol=1e-3)
    rounding = refinement._at_random(0.5, 1)
    ups = [rounding(tf.fill([4000], 7 + share), None) - 7 for share in (0.2, 0.5, 0.8)]
    low, middle, high = (np.mean(up) for up in ups)
    assert abs(middle - 0.5) < 0.03 and abs(low + high - 1) < 0.03 and low < 0.2


def test_the_smallest_scale_that_is_coded_is_the_coders():
    exact = codec_of("dwan").exact
    around = ONE * exact.smallest_coded * np.array([0.995, 1.005])
    levels = exact.tables.levels_of_log2(np.rint(ONE * np.log2(around / ONE)))
    assert list(levels) == [exact.lowest_coded_level - 1, exact.lowest_coded_level]
    assert codec_of("fu2022").exact.smallest_coded == 0
