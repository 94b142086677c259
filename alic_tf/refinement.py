"""Latents that cost less: searched for each picture by gradient descent through the decoder.

Stochastic Gumbel annealing (Yang, Bamler and Mandt, arXiv 2006.04240, section 3.1): while the
latents move, each is rounded up or down at random, with a temperature that falls until rounding is
what the coder does. File and decoder are those of any encoder.
"""

import numpy as np
import tensorflow as tf

from alic_tf import progress
from alic_tf.networks.entropy.model import Quality, nearest
from alic_tf.tiling import Tiling

# Of Adam: 0.01 and more gain less.
RATE, MOMENTA, EPSILON = 0.005, (0.9, 0.999), 1e-8
# First and last; lower first ones gain less.
TEMPERATURES = 0.5, 0.003
# Steps after which it is looked whether what is found is better than what was.
STRETCH = 50
# Pixels a side that are searched at once, with `dwan` in 0.4 GB.
TILE = 768
# Fractions of deviations from whole numbers stay so far from 0 and 1, where tanh^-1 ends.
MARGIN = 1e-5


class Enough(Exception):
    """What `advance` may raise to end a search: the best that was found so far is taken."""


class Refinement:
    """Searches latents for pictures with a model, tile by tile.

    Args:
        model: a built `CompressionModel`.
        smallest_coded: see `EntropyModel.coded`.
    """

    def __init__(self, model, smallest_coded=0.0):
        self._model, self._smallest_coded = model, smallest_coded
        self._tiling = Tiling(self._refine, 4, TILE, model.stride, 1, model.latent_stride,
                              halo=model.stride)
        channels = model.latents, model.entropy.prior.channels
        latents = [tf.TensorSpec([1, None, None, n], tf.float32) for n in channels]
        image, number = tf.TensorSpec([1, None, None, 4], tf.float32), tf.TensorSpec([], tf.float32)
        # Sizes are left open: every picture has its own, and tracing takes as long as many steps.
        self._step = tf.function(self._descend, input_signature=[
            image, number, number, [latents] * 3, number, tf.TensorSpec([], tf.int32)],
            autograph=False)
        self._cost = tf.function(
            self._cost_of, input_signature=[image, number, number, latents], autograph=False)

    def __call__(self, read, height, width, quality, steps, advance=progress.ignore):
        """What is found for a picture.

        Args:
            read: function of two slices, rows and columns, that returns this part of the padded
                picture, float32 [rows, columns, 4]: RGB in 0..1, and 1 where it counts, else 0.
            height, width: of the padded picture.
            quality: real number.
            steps: of gradient descent.
            advance: function that is told each share of the work as it is done.

        Returns:
            (latent, hyper latent), float32 [h / 16, w / 16, M] and [h / 64, w / 64, any] with the
            usual strides, to be coded; the latter counted from its medians.
        """
        share = progress.part(advance, 1 / (steps * self._tiling.count(height, width)))
        found = self._tiling(read, height, width, np.float32(quality), steps, share)
        latent, z = np.split(found, [self._model.latents], axis=-1)
        ratio = self._model.hyper_stride // self._model.latent_stride
        return latent, z[::ratio, ::ratio]

    def cost(self, bits, squared_error, quality):
        """Bits, and what an error is worth in bits: its lambda is that of the quality.

        Args:
            bits: of a file.
            squared_error: sum over all samples of a picture, on the scale 0..255.
            quality: real number.
        """
        return bits + self._worth(quality) * squared_error

    def _worth(self, quality):
        """Bits for a squared error of 1; distortion is a mean over three channels."""
        lambdas = self._model.lambdas
        return np.exp(np.interp(quality, 1 + np.arange(len(lambdas)), np.log(lambdas))) / 3

    def _refine(self, image, quality, steps, advance):
        """Latent and hyper latent of a tile, [1, h / 16, w / 16, any]; the latter repeated."""
        latents = [tf.convert_to_tensor(x)
                   for x in self._model.analyze(image[..., :3], quality[None])]
        worth = np.float32(self._worth(quality))
        best, lowest = latents, self._cost(image, quality, worth, latents)
        state = [latents, *([tf.zeros_like(x) for x in latents] for _ in range(2))]
        first, last = TEMPERATURES
        try:
            for step in range(1, steps + 1):
                temperature = first * (last / first) ** (step / steps)
                state = self._step(image, quality, worth, state, temperature, step)
                if step % STRETCH == 0 or step == steps:
                    cost = self._cost(image, quality, worth, state[0])
                    if cost < lowest:
                        best, lowest = state[0], cost
                advance(1)
        except Enough:
            pass
        latent, z = best
        ratio = self._model.hyper_stride // self._model.latent_stride
        return tf.concat([latent, tf.repeat(tf.repeat(z, ratio, 1), ratio, 2)], -1)

    def _descend(self, image, quality, worth, state, temperature, step):
        """A step of Adam; the state is latents, means of their gradients, and of the squares."""
        latents, means, squares = state
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(latents)
            rounding = _at_random(temperature, step)
            cost = self._cost_of(image, quality, worth, latents, rounding)
        gradients = tape.gradient(cost, latents, unconnected_gradients="zero")
        first, second = MOMENTA
        means = [first * mean + (1 - first) * x for mean, x in zip(means, gradients)]
        squares = [second * square + (1 - second) * x * x for square, x in zip(squares, gradients)]
        count = tf.cast(step, tf.float32)
        rate = RATE * tf.sqrt(1 - second**count) / (1 - first**count)
        latents = [x - rate * mean / (tf.sqrt(square) + EPSILON)
                   for x, mean, square in zip(latents, means, squares)]
        return [latents, means, squares]

    def _cost_of(self, image, quality, worth, latents, rounding=nearest):
        model = self._model
        knots = model.knots(quality[None])
        bits, latent_hat = model.entropy.coded(
            *latents, Quality(model.transform.unit(knots), knots), rounding, self._smallest_coded)
        decoded, _ = model.transform.synthesize(latent_hat, knots)
        error = (tf.clip_by_value(decoded, 0.0, 1.0) - image[..., :3]) * image[..., 3:]
        return sum(map(tf.reduce_sum, bits)) + worth * tf.reduce_sum(tf.square(255.0 * error))


def _at_random(temperature, step):
    """Rounding for `EntropyModel.coded`: up or down at random, more surely the colder it is.

    Up rather than down the nearer it is, by tanh^-1; the two are mixed by a binary concrete
    variable, so that gradients pass. The same step draws the same numbers.
    """
    calls = iter(range(2**31 - 1))

    def rounding(deviation, scale):
        down = tf.floor(deviation)
        up = tf.clip_by_value(deviation - down, MARGIN, 1 - MARGIN)
        uniform = tf.random.stateless_uniform(tf.shape(up), [step, next(calls)], MARGIN, 1 - MARGIN)
        logit = (tf.atanh(up) - tf.atanh(1 - up)) / temperature
        noise = tf.math.log(uniform) - tf.math.log1p(-uniform)
        return down + tf.sigmoid((logit + noise) / temperature)

    return rounding
