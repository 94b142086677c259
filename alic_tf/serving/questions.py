"""Integers found by yes-or-no questions, in TensorFlow operations; see `entropy.coder`."""

import tensorflow as tf

from alic_tf.integer.coder import CERTAIN, FARTHEST, PROBABILITY_BITS
from alic_tf.serving.arithmetic import shift_left, shift_right


def _probability(part, whole):
    """Ratio of integer masses in units of 2^-16, never certain, one half where both vanish."""
    ratio = (shift_left(part, PROBABILITY_BITS) + (CERTAIN >> 1)) // (whole + 1)
    return tf.clip_by_value(ratio, 1, CERTAIN - 1)


def _pick(tensors, indices):
    """The elements with these indices, of all tensors of a structure."""
    return tf.nest.map_structure(lambda x: tf.gather(x, indices, axis=-1), tensors)


def _where(condition):
    return tf.where(condition)[:, 0]


def ask_integers(mixture, ask, state):
    """Finds integers by questions; encoder and decoder differ only in who answers.

    Args:
        mixture: `Mixture` of n elements, or what has its methods.
        ask: function of (state, elements, probability, lowest, highest): are the symbols of these
            elements (increasing indices) from lowest to highest, each probably so, in units of
            2^-16? Returns (state, answers), the answers booleans.
        state: structure of tensors, the first to be given to `ask`.

    Returns:
        (state, symbols): the last state; int64 (n,).
    """
    centre, total = mixture.centre(), mixture.total()
    upto, below = mixture.cdf(centre), mixture.cdf(centre - 1)
    elements = tf.range(tf.size(centre, tf.int64))
    state, equal = ask(state, elements, _probability(upto - below, total), centre, centre)

    left = _where(~equal)
    above, below, middle, parts = _pick((total - upto, below, centre, mixture.parts), left)
    state, up = ask(state, left, _probability(above, above + below), middle + 1, middle + FARTHEST)
    zeros = tf.zeros_like(middle)
    # The magnitude lies in low < m <= high; beyond them lie the masses low_tail and high_tail.
    remaining = {
        "elements": left, "parts": parts, "centre": middle, "up": up, "low": zeros,
        "high": zeros + FARTHEST, "low_tail": tf.where(up, above, below), "high_tail": zeros}

    def more(state, symbols, rest):
        return tf.size(rest["elements"]) > 0

    def halve(state, symbols, rest):
        state, rest = _ask_distance(mixture, ask, state, **rest)
        found = rest["high"] - rest["low"] == 1
        ends = _pick(rest, _where(found))
        values = ends["centre"] + tf.where(ends["up"], ends["high"], -ends["high"])
        symbols = tf.tensor_scatter_nd_update(symbols, ends["elements"][:, None], values)
        return state, symbols, _pick(rest, _where(~found))

    state, symbols, _ = tf.while_loop(more, halve, (state, centre, remaining))
    return state, symbols


def _ask_distance(mixture, ask, state, *, elements, parts, centre, up, low, high, low_tail,
                  high_tail):
    """Asks once whether distances from the centre are at most a bound.

    Returns:
        (state, what is known then: the keyword arguments).
    """
    # Doubles until an upper bound is known, then halves.
    bound = tf.where(high < FARTHEST, shift_right(low + high, 1),
                     tf.minimum(2 * low + 1, FARTHEST - 1))
    mixture = mixture.of_parts(parts)
    mass = mixture.cdf(tf.where(up, centre + bound, centre - bound - 1))
    tail = tf.where(up, mixture.total() - mass, mass)
    state, within = ask(state, elements, _probability(low_tail - tail, low_tail - high_tail),
                        centre - bound, centre + bound)
    return state, {
        "elements": elements, "parts": parts, "centre": centre, "up": up,
        "low": tf.where(within, low, bound), "high": tf.where(within, bound, high),
        "low_tail": tf.where(within, low_tail, tail),
        "high_tail": tf.where(within, tail, high_tail)}


class TracedOnce:
    """Functions on a CPU that are part of a graph once, however often it calls them."""

    def __init__(self):
        self._functions = {}

    def __call__(self, key, function):
        """The function that was given with this key first."""
        if key not in self._functions:
            def placed(*inputs):
                # Functions do not take over the device of their caller.
                with tf.device("CPU"):
                    return function(*inputs)

            # Where they are called they are not copied either: graphs are ready sooner.
            self._functions[key] = tf.function(placed, autograph=False, jit_compile=False,
                                               experimental_attributes={"_noinline": True})
        return self._functions[key]
