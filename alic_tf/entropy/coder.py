"""Entropy coder: integers of any distribution as binary decisions for a range coder.

A table of quantized distributions per symbol would take a second per image. Instead an integer
is coded as answers to questions - is it the centre, is it above, is its distance at most b - each
with a probability that takes one or two values of the cumulative distribution. The range coder
(TensorFlow Compression's) then needs one table: all probabilities of 16 bits.

The symbols go to several lanes, each with a string of its own: lane k of K takes elements k,
k + K, ... of each call. One lane is smallest, many can be decoded in vector operations.
"""

import numpy as np
import tensorflow as tf
import tensorflow_compression_ops as range_coder

PROBABILITY_BITS = 16
CERTAIN = 1 << PROBABILITY_BITS
# Magnitudes end here: symbols of +-2^15 around any centre of +-2^12 stay below.
FARTHEST = (1 << 16) - 1
LARGEST_SYMBOL = 1 << 15
# Elements whose decisions are prepared together, to stay within the processor's cache.
BLOCK = 8192
# More rounds than questions are ever asked about one element: 1 + 1 + 16 + 15.
ROUNDS = 64


def binary_rows():
    """Row p of the coder's table: symbol 0 with probability p / 2^16; row 0 costs nothing."""
    rows = np.zeros((CERTAIN, 4), "int32")
    rows[:, 0], rows[:, 2], rows[:, 3] = PROBABILITY_BITS, np.arange(CERTAIN), CERTAIN
    return rows.reshape(-1)


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


class _Lanes:
    """Places of decisions in a rectangle (lanes, longest lane), given the lane of each."""

    def __init__(self, lane_of, lanes):
        if lanes == 1:
            self.shape, self.lane, self.slot = (1, len(lane_of)), 0, slice(None)
            return
        self.lane = lane_of
        counts = np.bincount(lane_of, minlength=lanes)
        self.shape = (lanes, int(counts.max(initial=0)))
        order = np.argsort(lane_of, kind="stable")
        self.slot = np.empty(len(lane_of), "int64")
        self.slot[order] = np.arange(len(lane_of)) - np.repeat(np.cumsum(counts) - counts, counts)

    def spread(self, values, padding):
        """The rectangle with values in their places."""
        rectangle = np.full(self.shape, padding, "int32")
        rectangle[self.lane, self.slot] = values
        return rectangle

    def collect(self, rectangle):
        """Inverse of `spread`."""
        return rectangle[self.lane, self.slot]


class SymbolEncoder:
    """Codes integers into one string per lane.

    Args:
        lanes: number of strings.
        prior: further rows of the coder's table, flat int32, each the precision, then cumulative
            frequencies from 0; for `encode_rows`.
    """

    def __init__(self, lanes=1, prior=()):
        self.lanes = lanes
        table = np.concatenate([binary_rows(), np.asarray(prior, "int32")])
        with tf.device("CPU"):
            self._handle = range_coder.create_range_encoder([lanes], table)

    def _encode(self, rows, symbols, places):
        # Row 0 always holds symbol 1: filling up the shorter lanes costs nothing.
        rows, symbols = places.spread(rows, 0), places.spread(symbols, 1)
        with tf.device("CPU"):
            self._handle = range_coder.entropy_encode_index(self._handle, rows, symbols)

    def encode_rows(self, values, rows):
        """Codes integers (n,), each with a row (n,) of the prior."""
        places = _Lanes(np.arange(len(rows)) % self.lanes, self.lanes)
        self._encode(np.asarray(rows) + CERTAIN, values, places)

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
        number = np.arange(len(symbols)) - (np.cumsum(sizes) - sizes)[pass_of]
        lane_of = number % self.lanes
        collected = [
            np.concatenate(parts)
            for parts in zip(*self._decisions(symbols, mixture, pass_of, lane_of))
        ]
        if collected:
            # The decoder's order: pass by pass, and within one round by round.
            keys, lane_of, rows, answers = collected
            keys = keys.astype(np.min_scalar_type(len(sizes) * ROUNDS))
            order = np.argsort(keys, kind="stable")
            places = _Lanes(lane_of[order], self.lanes)
            self._encode(rows[order], answers[order], places)

    def _decisions(self, symbols, mixture, pass_of, lane_of):
        """Yields (order, lane, row, answer) of the questions of one round of one block."""
        for start in range(0, len(symbols), BLOCK):
            block = slice(start, start + BLOCK)
            decisions = []

            def ask(elements, probability, lowest, highest, block=block, decisions=decisions):
                known = symbols[block][elements]
                answers = (lowest <= known) & (known <= highest)
                keys = pass_of[block][elements] * ROUNDS + len(decisions)
                decisions.append((keys, lane_of[block][elements], probability, ~answers))
                return answers

            ask_integers(mixture.take(block), ask)
            yield from decisions

    def finish(self):
        """The strings of the lanes, a list of bytes; the encoder is used up."""
        return list(range_coder.entropy_encode_finalize(self._handle).numpy())


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

    def _decode(self, rows, places):
        rows = places.spread(rows, 0)
        with tf.device("CPU"):
            # An array for the shape: a tuple takes a path through Python three times as slow.
            self._handle, symbols = range_coder.entropy_decode_index(
                self._handle, rows, np.array(rows.shape[1:], "int32"), tf.int32)
        return places.collect(symbols.numpy())

    def decode_rows(self, rows):
        """Decodes integers (n,), each with a row (n,) of the prior."""
        places = _Lanes(np.arange(len(rows)) % self.lanes, self.lanes)
        return self._decode(np.asarray(rows) + CERTAIN, places).astype("int64")

    def decode_mixture(self, mixture):
        """Decodes the integers (n,) of one pass."""
        def ask(elements, probability, lowest, highest):
            del lowest, highest  # The string knows the answer.
            return self._decode(probability, _Lanes(elements % self.lanes, self.lanes)) == 0

        return ask_integers(mixture, ask)
