"""The parallel context: what each pass sees, and how it rounds."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from alic_tf.networks.entropy.distributions import SMALLEST_SCALE
from alic_tf.networks.entropy.parallel import ParallelContext, checkerboard

GROUPS = (2, 3)
CHANNELS = sum(GROUPS)
SIZE = (5, 7)
HYPER = 6


def random_context(kind, seed=0):
    """A context whose parameters depend strongly on all that it sees, and its inputs."""
    context = ParallelContext(GROUPS, 8, kind)
    context.build((None, None, None, HYPER))
    rng = np.random.default_rng(seed)
    for variable in context.trainable_variables:
        if "log_rates" not in variable.path:
            fan_in = np.prod(variable.shape[:-1]) if "kernel" in variable.path else 4
            variable.assign(rng.normal(size=variable.shape) / np.sqrt(fan_in))
    latent = rng.normal(size=(1, *SIZE, CHANNELS)).astype("float32") * 3
    hyper = rng.normal(size=(1, *SIZE, HYPER)).astype("float32")
    unit = rng.uniform(0.5, 3, (1, 1, 1, CHANNELS)).astype("float32")
    return context, latent, hyper, unit


def pass_numbers():
    """Number of the pass of each element, [height, width, channels]."""
    group = np.repeat(np.arange(len(GROUPS)), GROUPS)
    parity = np.add.outer(np.arange(SIZE[0]), np.arange(SIZE[1])) % 2
    return 2 * group + parity[..., None]


def test_checkerboards_cover_the_image_once():
    even, odd = (np.asarray(checkerboard(3, 4, parity)) for parity in (0, 1))
    assert even.shape == (1, 3, 4, 1) and even[0, 0, 0, 0] == 1 and even[0, 0, 1, 0] == 0
    np.testing.assert_array_equal(even + odd, 1)


@pytest.mark.parametrize("kind", ["checkerboard", "ssm"])
def test_an_element_changes_parameters_of_later_passes_alone(kind):
    context, latent, hyper, unit = random_context(kind)
    numbers = pass_numbers()
    mean, scale, _ = context(latent, hyper, unit)
    for row, column, channel in [(2, 3, 0), (2, 4, 1), (0, 0, 2), (4, 5, 4), (1, 1, 0)]:
        changed = latent.copy()
        changed[0, row, column, channel] += 5.0
        moved_mean, moved_scale, _ = context(changed, hyper, unit)
        moved = np.any([np.asarray(a) != np.asarray(b)
                        for a, b in ((mean, moved_mean), (scale, moved_scale))], axis=0)[0]
        own = numbers[row, column, channel]
        assert not np.any(moved[numbers <= own])
        later = numbers > own
        assert np.any(moved[later]) or not np.any(later)
        # Without state space, parameters change in the neighbourhood only; with it along the
        # whole row and column. A later pass passes on what it saw, so look at the next one.
        reached = moved & (numbers == own + 1)
        if kind == "ssm" and own + 1 < numbers.max():
            assert np.any(reached[row, abs(np.arange(SIZE[1]) - column) > 1])
        elif kind == "checkerboard":
            near = ((abs(np.arange(SIZE[0]) - row) <= 1)[:, None]
                    & (abs(np.arange(SIZE[1]) - column) <= 1))
            assert not np.any(reached[~near])


def test_hyper_output_reaches_every_pass():
    context, latent, hyper, unit = random_context("checkerboard")
    other = hyper + 1
    moved = np.asarray(context(latent, hyper, unit)[0] != context(latent, other, unit)[0])[0]
    assert {number for number in pass_numbers()[moved]} == set(range(2 * len(GROUPS)))


@pytest.mark.parametrize("kind", ["checkerboard", "ssm"])
def test_rounds_the_distance_from_the_mean(kind):
    context, latent, hyper, unit = random_context(kind)
    mean, scale, latent_hat = map(np.asarray, context(latent, hyper, unit))
    whole = latent_hat - mean
    np.testing.assert_allclose(whole, np.rint(whole), atol=1e-4)
    assert np.abs(latent_hat - latent).max() <= 0.5 + 1e-4
    assert scale.min() >= np.float32(SMALLEST_SCALE) and np.ptp(scale) > 0.1
    # What was decoded predicts itself: this is how the rate of decoded latents is estimated.
    again = context(latent_hat, hyper, unit)
    for a, b in zip(again, (mean, scale, latent_hat)):
        np.testing.assert_allclose(a, b, atol=1e-3)


def test_parameters_scale_with_the_unit():
    context, latent, hyper, unit = random_context("ssm")
    first = np.s_[..., : GROUPS[0]]
    even = np.asarray(checkerboard(*SIZE, 0)) > 0
    mean, scale, _ = context(latent, hyper, unit)
    doubled_mean, doubled_scale, _ = context(latent, hyper, 2 * unit)
    where = np.broadcast_to(even, mean[first].shape)
    np.testing.assert_allclose(
        np.asarray(doubled_mean[first])[where], 2 * np.asarray(mean[first])[where], rtol=1e-5)
    expected = np.maximum(2 * np.asarray(scale[first])[where], SMALLEST_SCALE)
    large = np.asarray(scale[first])[where] > SMALLEST_SCALE
    np.testing.assert_allclose(
        np.asarray(doubled_scale[first])[where][large], expected[large], rtol=1e-5)


@pytest.mark.parametrize("kind", ["checkerboard", "ssm"])
def test_gradients_reach_latent_and_weights(kind):
    context, latent, hyper, unit = random_context(kind)
    inputs = [tf.Variable(x) for x in (latent, hyper, unit)]
    weights = np.random.default_rng(5).normal(size=(3, *latent.shape)).astype("float32")
    with tf.GradientTape() as tape:
        outputs = context(*inputs)
        loss = sum(tf.reduce_sum(w * out) for w, out in zip(weights, outputs))
    variables = [v.value for v in context.trainable_variables]
    for gradient in tape.gradient(loss, [*inputs, *variables]):
        assert np.all(np.isfinite(gradient)) and np.any(gradient != 0)


def test_straight_through():
    """The decoded latent passes gradients to the latent as if it were not rounded."""
    context, latent, hyper, unit = random_context("ssm")
    latent = tf.Variable(latent)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(context(latent, hyper, unit)[2])
    np.testing.assert_allclose(tape.gradient(loss, latent), 1, atol=1e-5)


def test_unknown_context_is_named():
    with pytest.raises(ValueError, match="checkerboard.*ssm.*masked"):
        ParallelContext((4,), 8, "masked")


def test_configuration_gives_the_same_layer():
    context = ParallelContext(GROUPS, 8, "checkerboard", name="context")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(context))
    assert again.get_config() == context.get_config()
    context, latent, hyper, unit = random_context("checkerboard")
    again.build(hyper.shape)
    again.set_weights(context.get_weights())
    for a, b in zip(again(latent, hyper, unit), context(latent, hyper, unit)):
        np.testing.assert_array_equal(a, b)
