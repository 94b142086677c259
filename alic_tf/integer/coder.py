"""Entropy coder: integers of any distribution as binary decisions for a range coder.

A table of quantized distributions per symbol would take a second per image. Instead an integer
is coded as answers to questions - is it the centre, is it above, is its distance at most b - each
with a probability that takes one or two values of the cumulative distribution, and that the range
coder is given in 16 bits.

Questions are asked in rounds, within which none depends on the answer to another. Those of a round
are dealt out to lanes, each with a string of its own: lane k of K takes questions k, k + K, ... One
lane is smallest, many can be decoded in vector operations, as many as cost little are chosen.
"""

from collections import defaultdict

import numpy as np

from alic_tf.bitstream.container import MAX_LANES
from alic_tf.integer.range_coder import CERTAIN, PROBABILITY_BITS

try:  # The faster one, which not every version of TensorFlow has.
    from alic_tf.integer import range_coder_ops as range_coder
except ImportError:
    from alic_tf.integer import range_coder

# Magnitudes end here: symbols of +-2^15 around any centre of +-2^12 stay below.
FARTHEST = (1 << 16) - 1
LARGEST_SYMBOL = 1 << 15
# Elements whose decisions are prepared together, to stay within the processor's cache.
BLOCK = 8192
# Questions that go to the range coder at once, unless a round has more.
GROUP = 1 << 20
# Bytes of questions that pay for a lane, which costs 4/3 of a byte for its length and its end.
LANE_BYTES = 256
COST_BITS = 8
# What fills the last step of a round costs nothing: row 0 always holds symbol 1.
PADDING_ROW, PADDING_SYMBOL = 0, 1


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
    ratio = ((part.astype("int64") << PROBABILITY_BITS) + (CERTAIN >> 1)) // (whole + 1)
    return np.minimum(np.maximum(ratio, 1), CERTAIN - 1).astype("int32")


def ask_integers(mixture):
    """Finds integers by questions; encoder and decoder differ only in who answers.

    A generator. It yields (elements, probability, lowest, highest) - are the symbols of these
    elements (increasing indices) from lowest to highest, each probably so, in units of 2^-16? - and
    is sent the answers, booleans.

    Args:
        mixture: `IntegerMixture` of n elements, or what has its methods.

    Returns:
        integers (n,), the symbols.
    """
    centre = mixture.centre()
    upto, below = mixture.cdf(centre), mixture.cdf(centre - 1)
    equal = yield (np.arange(len(mixture)), _probability(upto - below, mixture.total),
                   centre, centre)
    symbols = centre.copy()

    elements = np.flatnonzero(~equal)
    centre, mixture = centre[elements], mixture.take(elements)
    above, below = mixture.total - upto[elements], below[elements]
    del equal, upto  # Many pictures' worth of elements may wait for their answers.
    up = yield elements, _probability(above, above + below), centre + 1, centre + FARTHEST

    # The magnitude lies in low < m <= high; beyond them lie the masses low_tail and high_tail.
    low = np.zeros(len(elements), "int32")
    high = np.full(len(elements), FARTHEST, "int32")
    low_tail, high_tail = np.where(up, above, below), np.zeros_like(above)
    while len(elements):
        # Doubles until an upper bound is known, then halves.
        bound = np.where(high < FARTHEST, (low + high) >> 1, np.minimum(2 * low + 1, FARTHEST - 1))
        point = np.where(up, centre + bound, centre - bound - 1)
        mass = mixture.cdf(point)
        tail = np.where(up, mixture.total - mass, mass)
        within = yield (elements, _probability(low_tail - tail, low_tail - high_tail),
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
        prior: rows for `encode_rows`, flat integers; see `range_coder`.
    """

    def __init__(self, prior=()):
        self._prior = prior
        self._costs, self._cost = costs(), 0
        # Triples of arrays: rows and symbols in the decoder's order, sizes of the rounds they fill.
        self._collected = []

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
        self.encode_parts([(symbols, mixture)], sizes)

    def encode_parts(self, parts, sizes=None):
        """As `encode_mixture`, of consecutive parts (symbols, mixture) of a pass or of passes."""
        ends = np.cumsum(sizes)[:-1] if sizes is not None else np.zeros(0, "int64")
        rounds, start = defaultdict(list), 0
        for symbols, mixture in parts:
            if np.any(np.abs(symbols) > LARGEST_SYMBOL):
                raise ValueError(f"symbols must be within +-{LARGEST_SYMBOL}")
            for first in range(0, len(symbols), BLOCK):
                block = slice(first, first + BLOCK)
                # Passes that begin within the block.
                begin, end = np.searchsorted(ends - start, (first, first + BLOCK), "right")
                edges = ends[begin:end] - start - first
                answered = self._answered(symbols[block], mixture.take(block))
                for number, (elements, *answers) in enumerate(answered):
                    cuts = np.searchsorted(elements, edges)
                    pieces = zip(*(np.split(values, cuts) for values in answers))
                    for place, piece in enumerate(pieces, begin):
                        rounds[place, number].append(piece)
            start += len(symbols)
        self._collect(rounds)

    def _collect(self, rounds):
        """Appends rounds, lists of (rows, symbols) by (pass, number), in the decoder's order."""
        keys, sizes, pieces = sorted(rounds), [], []
        for key in keys:
            pieces += rounds.pop(key)
            sizes.append(sum(len(rows) for rows, _ in pieces) - sum(sizes))
            if sum(sizes) > GROUP or key == keys[-1]:
                self._collected.append((*map(np.concatenate, zip(*pieces)), sizes))
                sizes, pieces = [], []

    def _answered(self, symbols, mixture):
        """Yields (elements, rows, symbols of the rows) of each round of questions."""
        asking, answers = ask_integers(mixture), None
        while True:
            try:
                elements, rows, lowest, highest = asking.send(answers)
            except StopIteration:
                return
            known = symbols[elements]
            answers = (lowest <= known) & (known <= highest)
            self._cost += np.sum(self._costs[np.where(answers, rows, CERTAIN - rows)])
            yield elements, rows.astype("uint16"), ~answers

    def finish(self):
        """The strings of the lanes, a list of bytes; the encoder is used up."""
        lanes = choose_lanes(self._cost)
        encoder = range_coder.RangeEncoder(lanes, self._prior)
        for rows, symbols, rounds in self._collected:
            steps = -(-np.array(rounds) // lanes)
            # Every round begins with a step of its own, in the first lane.
            starts = lanes * (np.cumsum(steps) - steps) - (np.cumsum(rounds) - rounds)
            places = np.arange(len(rows)) + np.repeat(starts, rounds)
            filled = []
            for values, padding in ((rows, PADDING_ROW), (symbols, PADDING_SYMBOL)):
                filled.append(np.full(lanes * steps.sum(), padding, "int32"))
                filled[-1][places] = values
            encoder.encode(*(values.reshape(-1, lanes) for values in filled))
        return encoder.finish()


class SymbolDecoder:
    """Decodes what `SymbolEncoder` coded, by the same calls in the same order.

    Damaged strings decode to wrong symbols, not to errors: whoever stores them must check them.

    Args:
        strings: one string of bytes per lane.
        prior: as given to the encoder.
    """

    def __init__(self, strings, prior=()):
        self.lanes = len(strings)
        self._decoder = range_coder.RangeDecoder(strings, prior)

    def _decode(self, rows):
        """Symbols (n,) of the rows (n,) of a round."""
        steps = -(-len(rows) // self.lanes)
        places = np.full(steps * self.lanes, PADDING_ROW, "int32")
        places[:len(rows)] = rows
        return self._decoder.decode(places.reshape(steps, self.lanes)).reshape(-1)[:len(rows)]

    def decode_rows(self, rows):
        """Decodes integers (n,), each with a row (n,) of the prior."""
        return self._decode(np.asarray(rows) + CERTAIN).astype("int64")

    def decode_mixture(self, mixture):
        """Decodes the integers (n,) of one pass."""
        return self.decode_parts([mixture])[0]

    def decode_parts(self, mixtures):
        """As `decode_mixture`, of a pass in consecutive parts; returns a list of arrays."""
        asking = [ask_integers(mixture) for mixture in mixtures]
        del mixtures
        symbols = [None] * len(asking)
        answers = dict.fromkeys(range(len(asking)))
        while answers:
            questions = {}
            for part, answer in answers.items():
                try:
                    questions[part] = asking[part].send(answer)[1]
                except StopIteration as end:
                    symbols[part] = end.value
            if questions:
                sizes = [len(rows) for rows in questions.values()]
                found = self._decode(np.concatenate(list(questions.values()))) == 0
                found = np.split(found, np.cumsum(sizes)[:-1])
            answers = dict(zip(questions, found))
        return symbols
