"""Entropy coder: integers of any distribution as binary decisions for a range coder.

A table of quantized distributions per symbol would take a second per image. Instead an integer
is coded as answers to questions - is it the centre, is it above, is its distance at most b - each
with a probability that takes one or two values of the cumulative distribution. The range coder
(TensorFlow Compression's) then needs one table: all probabilities of 16 bits.

Questions are asked in rounds, within which none depends on the answer to another. Those of a round
are dealt out to lanes, each with a string of its own: lane k of K takes questions k, k + K, ... One
lane is smallest, many can be decoded in vector operations, as many as cost little are chosen.
"""

import numpy as np
import tensorflow as tf
import tensorflow_compression_ops as range_coder

from alic_tf.container import MAX_LANES

PROBABILITY_BITS = 16
CERTAIN = 1 << PROBABILITY_BITS
# Magnitudes end here: symbols of +-2^15 around any centre of +-2^12 stay below.
FARTHEST = (1 << 16) - 1
LARGEST_SYMBOL = 1 << 15
# Elements whose decisions are prepared together, to stay within the processor's cache.
BLOCK = 8192
# More rounds than questions are ever asked about one element: 1 + 1 + 16 + 15.
ROUNDS = 64
# Bytes of questions that pay for a lane, which costs 4/3 of a byte for its length and its end.
LANE_BYTES = 256
COST_BITS = 8
# What fills the last step of a round costs nothing: row 0 always holds symbol 1.
PADDING_ROW, PADDING_SYMBOL = 0, 1


def binary_rows():
    """Row p of the coder's table: symbol 0 with probability p / 2^16."""
    rows = np.zeros((CERTAIN, 4), "int32")
    rows[:, 0], rows[:, 2], rows[:, 3] = PROBABILITY_BITS, np.arange(CERTAIN), CERTAIN
    return rows.reshape(-1)


def costs():
    """Ideal lengths in units of 2^-8 bits, by frequency out of 2^16; int64 (2^16 + 1,)."""
    frequencies = np.maximum(np.arange(CERTAIN + 1), 1)
    return np.rint((PROBABILITY_BITS - np.log2(frequencies)) * (1 << COST_BITS)).astype("int64")


def choose_lanes(cost):
    """Largest power of two of lanes that is worth its bytes.

    Args:
        cost: sum of the `costs` of all answers.
    """
    lanes = cost // (8 * LANE_BYTES << COST_BITS)
    return min(1 << max(int(lanes).bit_length() - 1, 0), MAX_LANES)


def _probability(part, whole):
    """Ratio of integer masses in units of 2^-16, never certain, one half where both vanish."""
    ratio = ((part << PROBABILITY_BITS) + (CERTAIN >> 1)) // (whole + 1)
    return np.minimum(np.maximum(ratio, 1), CERTAIN - 1).astype("int32")


def ask_integers(mixture, ask):
    """Finds integers by questions; encoder and decoder differ only in who answers.

    Args:
        mixture: `IntegerMixture` of n elements, or what has its methods.
        ask: function of (elements, probability, lowest, highest): are the symbols of these
            elements (increasing indices) from lowest to highest, each probably so, in units of
            2^-16? Returns the answers, booleans.

    Returns:
        int64 (n,), the symbols.
    """
    centre = mixture.centre()
    upto, below = mixture.cdf(centre), mixture.cdf(centre - 1)
    elements = np.arange(len(mixture))
    equal = ask(elements, _probability(upto - below, mixture.total), centre, centre)
    symbols = centre.copy()

    elements = np.flatnonzero(~equal)
    centre, mixture = centre[elements], mixture.take(elements)
    above, below = mixture.total - upto[elements], below[elements]
    up = ask(elements, _probability(above, above + below), centre + 1, centre + FARTHEST)

    # The magnitude lies in low < m <= high; beyond them lie the masses low_tail and high_tail.
    low = np.zeros(len(elements), "int64")
    high = np.full(len(elements), FARTHEST)
    low_tail, high_tail = np.where(up, above, below), np.zeros(len(elements), "int64")
    while len(elements):
        # Doubles until an upper bound is known, then halves.
        bound = np.where(high < FARTHEST, (low + high) >> 1, np.minimum(2 * low + 1, FARTHEST - 1))
        point = np.where(up, centre + bound, centre - bound - 1)
        mass = mixture.cdf(point)
        tail = np.where(up, mixture.total - mass, mass)
        within = ask(elements, _probability(low_tail - tail, low_tail - high_tail),
                     centre - bound, centre + bound)
        high, high_tail = np.where(within, bound, high), np.where(within, tail, high_tail)
        low, low_tail = np.where(within, low, bound), np.where(within, low_tail, tail)
        found = high - low == 1
        if found.any():
            symbols[elements[found]] = np.where(up, centre + high, centre - high)[found]
            left = np.flatnonzero(~found)
            mixture = mixture.take(left)
            elements, centre, up = elements[left], centre[left], up[left]
            low, high = low[left], high[left]
            low_tail, high_tail = low_tail[left], high_tail[left]
    return symbols


class SymbolEncoder:
    """Codes integers into one string per lane.

    It collects what is to be coded, and chooses the number of lanes at the end, by its size.

    Args:
        prior: further rows of the coder's table, flat int32, each the precision, then cumulative
            frequencies from 0; for `encode_rows`.
    """

    def __init__(self, prior=()):
        self._table = np.concatenate([binary_rows(), np.asarray(prior, "int32")])
        self._costs, self._cost = costs(), 0
        # Triples of arrays: rows and symbols in the decoder's order, sizes of the rounds they fill.
        self._collected = [np.zeros((3, 0), "int32")]

    def encode_rows(self, values, rows):
        """Codes integers (n,), each with a row (n,) of the prior, in a round."""
        self._collected.append((np.asarray(rows) + CERTAIN, values, [len(rows)]))

    def encode_mixture(self, symbols, mixture, sizes=None):
        """Codes integers (n,) of at most 2^15 in magnitude.

        Args:
            symbols: integers (n,).
            mixture: `IntegerMixture` of n elements.
            sizes: lengths of consecutive passes that add up to n; the decoder decodes them one
                by one. All is one pass by default.

        Raises:
            ValueError: a symbol beyond the limit.
        """
        symbols = np.asarray(symbols, "int64")
        if np.any(np.abs(symbols) > LARGEST_SYMBOL):
            raise ValueError(f"symbols must be within +-{LARGEST_SYMBOL}")
        sizes = np.array([len(symbols)] if sizes is None else sizes)
        pass_of = np.repeat(np.arange(len(sizes)), sizes)
        collected = [
            np.concatenate(parts) for parts in zip(*self._decisions(symbols, mixture, pass_of))
        ]
        if collected:
            # The decoder's order: pass by pass, and within one round by round.
            keys, rows, answers = collected
            order = np.argsort(keys.astype(np.min_scalar_type(len(sizes) * ROUNDS)), kind="stable")
            rows, answers = rows[order], answers[order]
            self._cost += np.sum(self._costs[np.where(answers, CERTAIN - rows, rows)])
            self._collected.append((rows, answers, np.bincount(keys)))

    def _decisions(self, symbols, mixture, pass_of):
        """Yields (order, row, answer) of the questions of one round of one block."""
        for start in range(0, len(symbols), BLOCK):
            block = slice(start, start + BLOCK)
            decisions = []

            def ask(elements, probability, lowest, highest, block=block, decisions=decisions):
                known = symbols[block][elements]
                answers = (lowest <= known) & (known <= highest)
                keys = pass_of[block][elements] * ROUNDS + len(decisions)
                decisions.append((keys, probability, ~answers))
                return answers

            ask_integers(mixture.take(block), ask)
            yield from decisions

    def finish(self):
        """The strings of the lanes, a list of bytes; the encoder is used up."""
        lanes = choose_lanes(self._cost)
        rows, symbols, rounds = map(np.concatenate, zip(*self._collected))
        steps = -(-rounds // lanes)
        # Every round begins with a step of its own, in the first lane.
        starts = lanes * (np.cumsum(steps) - steps) - (np.cumsum(rounds) - rounds)
        places = np.arange(len(rows)) + np.repeat(starts, rounds)

        def rectangle(values, padding):
            out = np.full(lanes * steps.sum(), padding, "int32")
            out[places] = values
            return out.reshape(-1, lanes).T

        with tf.device("CPU"):
            handle = range_coder.create_range_encoder([lanes], self._table)
            handle = range_coder.entropy_encode_index(
                handle, rectangle(rows, PADDING_ROW), rectangle(symbols, PADDING_SYMBOL))
            return list(range_coder.entropy_encode_finalize(handle).numpy())


class SymbolDecoder:
    """Decodes what `SymbolEncoder` coded, by the same calls in the same order.

    Damaged strings decode to wrong symbols, not to errors: whoever stores them must check them.

    Args:
        strings: one string of bytes per lane.
        prior: as given to the encoder.
    """

    def __init__(self, strings, prior=()):
        self.lanes = len(strings)
        table = np.concatenate([binary_rows(), np.asarray(prior, "int32")])
        with tf.device("CPU"):
            self._handle = range_coder.create_range_decoder(list(strings), table)

    def _decode(self, rows):
        """Symbols (n,) of the rows (n,) of a round."""
        steps = -(-len(rows) // self.lanes)
        places = np.full(steps * self.lanes, PADDING_ROW, "int32")
        places[:len(rows)] = rows
        with tf.device("CPU"):
            # An array for the shape: a tuple takes a path through Python three times as slow.
            self._handle, symbols = range_coder.entropy_decode_index(
                self._handle, places.reshape(steps, self.lanes).T, np.array([steps], "int32"),
                tf.int32)
        return symbols.numpy().T.reshape(-1)[:len(rows)]

    def decode_rows(self, rows):
        """Decodes integers (n,), each with a row (n,) of the prior."""
        return self._decode(np.asarray(rows) + CERTAIN).astype("int64")

    def decode_mixture(self, mixture):
        """Decodes the integers (n,) of one pass."""
        def ask(elements, probability, lowest, highest):
            del elements, lowest, highest  # The string knows the answer.
            return self._decode(probability) == 0

        return ask_integers(mixture, ask)
