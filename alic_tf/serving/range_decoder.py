"""Decoder of the range coder's strings in TensorFlow operations, a step of all lanes at a time.

The interval of a lane is known by its size and by how far the string's number lies above its
lower end, both in 33 bits; see docs/format.md.
"""

import tensorflow as tf

from alic_tf.integer.coder import PROBABILITY_BITS
from alic_tf.serving import steps
from alic_tf.serving.arithmetic import shift_left, shift_right
from alic_tf.serving.questions import TracedOnce, ask_integers

WORD_BITS = 16
START_BITS = 32


def growth(size):
    """(1 if intervals of this size grow, else 0; by how many bits they do), int64."""
    grows = tf.cast(size <= 1 << START_BITS - WORD_BITS, tf.int64)
    return grows, grows * WORD_BITS


class RangeDecoder:
    """Decodes integers from one string per lane; those of a round are dealt out to the lanes.

    Args:
        data: uint8 (any,), in which the strings lie.
        starts, lengths: int64 (lanes,), where they begin, and their numbers of bytes.
        cumulative: int64 (rows, any), cumulative frequencies for `code_rows`; row 0 is certain,
            which costs nothing, and shorter rows are filled with 2^16.

    Attributes:
        state: (above, size, place) of the lanes, int64 (lanes,) each.
    """

    def __init__(self, data, starts, lengths, cumulative):
        self._cumulative, self._traced = cumulative, TracedOnce()
        words = self._words_of(data, starts, lengths)
        lanes, width = tf.unstack(tf.shape(words, tf.int64))
        # Word i is at place 2 i + 1, between zeros: a lane that grows goes one on to its next
        # word, and then one on to the next zero, on which the others stay.
        self._places = tf.reshape(tf.stack([tf.zeros_like(words), words], -1), [-1])
        origins = tf.range(lanes) * 2 * width
        self._ends = origins + 2 * width - 2
        above = shift_left(words[:, 0], WORD_BITS) + words[:, 1]
        sizes = tf.fill(tf.shape(above), tf.constant(1 << START_BITS, tf.int64))
        self.state = (above, sizes, origins + 2 * START_BITS // WORD_BITS)

    @staticmethod
    def _words_of(data, starts, lengths):
        """Words (lanes, any) of 16 bits, the last one and those beyond the end of a string zero."""
        count = tf.maximum((tf.reduce_max(lengths) + 1) // 2, 2) + 1
        columns = tf.range(2 * count)
        inside = columns < lengths[:, None]
        places = tf.where(inside, starts[:, None] + columns, tf.size(data, tf.int64))
        values = tf.gather(tf.pad(tf.cast(data, tf.int64), [[0, 1]]), places)
        high, low = tf.unstack(tf.reshape(values, [-1, count, 2]), axis=-1)
        return shift_left(high, 8) + low

    def code(self, mixture, symbols=None):
        """Decodes the integers (n,) of one pass, int64.

        Args:
            mixture: their `Mixture`.
            symbols: what an encoder is told; None.
        """
        def find(parts, state):
            def ask(state, elements, probability, lowest, highest):
                del elements, lowest, highest  # The string knows the answer.
                return self.answers(state, probability)

            return ask_integers(mixture.of_parts(parts), ask, state)

        self.state, symbols = self._traced(type(mixture), find)(mixture.parts, self.state)
        return symbols

    def answers(self, state, probability):
        """Decodes the answers (n,) to questions of one round: (state, answers).

        Args:
            state: before the round.
            probability: int64 (n,), of "yes", in units of 2^-16; 0 is free of cost.
        """
        def answer(state, probability):
            return self._run(state, probability, _decide, tf.bool)

        return self._traced("answers", answer)(state, probability)

    def code_rows(self, rows, symbols=None):
        """Decodes the symbols (n,) of a round, each with a row (n,) of `cumulative`, int64."""
        def find(row, above, size):
            return _look_up(tf.gather(self._cumulative, row), above, size)

        self.state, symbols = self._run(self.state, rows, find, tf.int64)
        return symbols

    def _run(self, state, rows, find, dtype):
        """Decodes a round: (state, symbols (n,)).

        Args:
            state: before the round.
            rows: int64 (n,), what tells the distributions apart; 0 is free of cost.
            find: function of (rows, above, size) of the lanes to (symbols, above, size).
            dtype: of the symbols.
        """
        lanes, count = tf.size(self._ends), tf.size(rows)
        rows = tf.reshape(tf.pad(rows, [[0, -count % lanes]]), [-1, lanes])

        def step(state, row):
            symbols, above, size = find(row, *state[:2])
            grows, bits = growth(size)
            # Strings that are read beyond their ends go on with zeros.
            place = tf.minimum(state[2] + grows, self._ends)
            above = tf.bitwise.left_shift(above, bits) + tf.gather(self._places, place)
            return (above, tf.bitwise.left_shift(size, bits), place + grows), symbols

        state, symbols = steps.run(step, state, [rows], dtype)
        return state, tf.reshape(symbols, [-1])[:count]


def _decide(probability, above, size):
    """Answers to questions of some probability: (yes, above, size)."""
    edge = shift_right(size * probability, PROBABILITY_BITS)
    no = above >= edge
    return ~no, tf.where(no, above - edge, above), tf.where(no, size - edge, edge)


def _look_up(frequencies, above, size):
    """Symbols of cumulative frequencies (lanes, any): (symbols, above, size)."""
    edges = shift_right(size[:, None] * frequencies, PROBABILITY_BITS)
    passed = edges <= above[:, None]
    lower = tf.reduce_max(tf.where(passed, edges, 0), 1)
    upper = tf.reduce_min(tf.where(passed, size[:, None], edges), 1)
    symbols = tf.reduce_sum(tf.cast(passed, tf.int64), 1) - 1
    return symbols, above - lower, upper - lower
