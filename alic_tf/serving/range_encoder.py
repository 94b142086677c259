"""Encoder of the range coder's strings in TensorFlow operations, a step of all lanes at a time.

It writes byte for byte what TensorFlow Compression's encoder does. How the size of a lane's
interval develops does not depend on where the interval lies: the loop over the steps follows the
sizes alone, and the interval's lower end, a number as long as the string, is added up from all
steps at once.
"""

import numpy as np
import tensorflow as tf

from alic_tf.bitstream.container import MAX_LANES
from alic_tf.integer.coder import CERTAIN, COST_BITS, LANE_BYTES, PROBABILITY_BITS, costs
from alic_tf.serving import steps
from alic_tf.serving.arithmetic import shift_left, shift_right
from alic_tf.serving.questions import TracedOnce, ask_integers
from alic_tf.serving.range_decoder import START_BITS, WORD_BITS, growth

WORD = 1 << WORD_BITS


class RangeEncoder:
    """Collects integers in rounds, then codes them into one string per lane.

    Args:
        cumulative: as for `RangeDecoder`.

    Attributes:
        state: TensorArrays of the intervals (n, 2), of 2^16, and of the sizes (rounds,) of the
            rounds that each call of `code` or `code_rows` adds; the cost of all answers, see
            `coder.costs`.
    """

    def __init__(self, cumulative):
        self._cumulative, self._answer = cumulative, TracedOnce()
        self._costs = tf.constant(costs())
        self.state = (_growing([None, 2]), _growing([None]), tf.constant(0, tf.int64))

    def code(self, mixture, symbols):
        """Codes the integers (n,) of one pass, int64, and returns them."""
        def answer(parts, symbols):
            def ask(state, elements, probability, lowest, highest):
                known = tf.gather(symbols, elements)
                answers = (lowest <= known) & (known <= highest)
                lower = tf.where(answers, tf.zeros_like(probability), probability)
                upper = tf.where(answers, probability, CERTAIN)
                rounds, sizes = state
                i = rounds.size()
                return (rounds.write(i, tf.stack([lower, upper], -1)),
                        sizes.write(i, tf.size(elements, tf.int64))), answers

            state = (_growing([None, 2]), _growing([]))
            (rounds, sizes), _ = ask_integers(mixture.of_parts(parts), ask, state)
            return rounds.concat(), sizes.stack()

        intervals, sizes = self._answer(type(mixture), answer)(mixture.parts, symbols)
        lengths = intervals[:, 1] - intervals[:, 0]
        self._add(intervals, sizes, tf.reduce_sum(tf.gather(self._costs, lengths)))
        return symbols

    def code_rows(self, rows, symbols):
        """Codes the symbols (n,) of a round, each with a row (n,) of `cumulative`; returns them."""
        edges = [tf.gather_nd(self._cumulative, tf.stack([rows, s], -1))
                 for s in (symbols, symbols + 1)]
        self._add(tf.stack(edges, -1), tf.size(rows, tf.int64)[None], 0)
        return symbols

    def _add(self, intervals, sizes, cost):
        all_intervals, all_sizes, total = self.state
        i = all_sizes.size()
        self.state = all_intervals.write(i, intervals), all_sizes.write(i, sizes), total + cost

    def finish(self):
        """The strings of the lanes, whose number it chooses: ragged int64 (lanes, any), bytes."""
        intervals, counts, cost = self.state
        intervals, counts = intervals.concat(), counts.concat()
        lanes = _choose_lanes(cost)
        steps = -(-counts // lanes)
        # Every round begins with a step of its own, in the first lane; what fills the last step
        # costs nothing.
        starts = lanes * tf.cumsum(steps, exclusive=True) - tf.cumsum(counts, exclusive=True)
        places = tf.range(tf.reduce_sum(counts)) + tf.repeat(starts, counts)
        certain = tf.tile(tf.constant([[0, CERTAIN]], tf.int64), [tf.reduce_sum(steps) * lanes, 1])
        filled = tf.tensor_scatter_nd_update(certain, places[:, None], intervals)
        return strings_of(*tf.unstack(tf.reshape(filled, [-1, lanes, 2]), axis=-1))


def _growing(shape):
    return tf.TensorArray(tf.int64, 0, dynamic_size=True, infer_shape=False, element_shape=shape)


def _choose_lanes(cost):
    """As `coder.choose_lanes`, of a tensor."""
    worth = (8 * LANE_BYTES << COST_BITS) << np.arange(1, MAX_LANES.bit_length())
    count = tf.reduce_sum(tf.cast(cost >= worth, tf.int64))
    return tf.bitwise.left_shift(tf.constant(1, tf.int64), count)


def strings_of(lower, upper):
    """The strings of intervals in the order of their coding, ragged int64 (lanes, any), bytes.

    Args:
        lower, upper: int64 (steps, lanes), of 2^16.
    """
    def step(state, low, high):
        size, = state
        edge = shift_right(size * low, PROBABILITY_BITS)
        size = shift_right(size * high, PROBABILITY_BITS) - edge
        grows, bits = growth(size)
        return (tf.bitwise.left_shift(size, bits),), 2 * edge + grows

    sizes = tf.fill(tf.shape(lower)[1:], tf.constant(1 << START_BITS, tf.int64))
    (sizes,), followed = steps.run(step, (sizes,), [lower, upper], tf.int64)
    edges, grows = shift_right(followed, 1), followed % 2
    return _written(edges, tf.cumsum(grows, exclusive=True), tf.reduce_sum(grows, 0), sizes)


def _written(edges, places, place, size):
    """The strings, a number in each final interval; see `strings_of`.

    Args:
        edges: int64 (steps, lanes), by how much each step raises the lower end of the interval.
        places: int64 (steps, lanes), the word at which the upper half of that number counts.
        place, size: int64 (lanes,), the same of what follows all steps, and the final size.
    """
    lanes, width = tf.size(place, tf.int64), tf.reduce_max(place) + 2
    cells = tf.range(lanes) * width + places

    def added(values, cells):
        values, cells = tf.reshape(values, [-1]), tf.reshape(cells, [-1])
        return tf.math.unsorted_segment_sum(values, cells, lanes * width)

    words = added(shift_right(edges, WORD_BITS), cells) + added(edges % WORD, cells + 1)
    words = _carry(tf.reshape(words, [lanes, width]))

    # The rest of each number, 32 bits from word `place` on, may be anything from `base` to below
    # base + size. Taken is the first multiple in there of 2^32, of 2^24 or of 2^16, and the zeros
    # at its end are left out; but if base is 0, just that.
    numbers = tf.range(lanes)
    high, low = (tf.gather_nd(words, tf.stack([numbers, place + i], -1)) for i in (0, 1))
    base = shift_left(high, WORD_BITS) + low
    crosses = base + size > 1 << START_BITS
    end = base + size
    rest = tf.constant(1 << START_BITS, tf.int64)
    byte, word = (shift_left(shift_right(base + (1 << bits) - 1, bits), bits) for bits in (24, 16))
    rest = tf.where(crosses, rest, tf.where(byte < end, byte, word))
    columns = tf.range(width)
    finished = tf.where(columns < place[:, None], words, 0)
    finished += tf.where(columns == place[:, None], shift_right(rest, WORD_BITS)[:, None], 0)
    words = _carry(finished)
    values = tf.reshape(tf.stack([shift_right(words, 8), words % 256], -1), [lanes, -1])
    used = tf.range(2 * width) * tf.cast(values > 0, tf.int64)
    lengths = tf.where((base == 0) & ~crosses, 2 * place, tf.reduce_max(used, 1) + 1)
    return tf.RaggedTensor.from_tensor(values, lengths)


def _carry(words):
    """Numbers of words (lanes, width), the highest first, with all words brought below 2^16."""
    def move(words):
        carries = tf.pad(shift_right(words, WORD_BITS)[:, 1:], [[0, 0], [0, 1]])
        return (words % WORD + carries,)

    return tf.while_loop(lambda words: tf.reduce_any(words >= WORD), move, (words,))[0]

