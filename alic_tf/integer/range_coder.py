"""Range coder: symbols of known distributions to strings and back, one string per lane.

docs/format.md says how a string comes about. Each symbol has a *row*, its distribution: row
p < 2^16 is a decision, which gives symbol 0 the probability p / 2^16 and symbol 1 the rest; row
2^16 + i is row i of a prior. A prior is flat: for each of its rows the precision, then cumulative
frequencies from 0 to 2^precision.

Lanes know nothing of each other. Each is coded by itself, in plain integers: every step depends on
the one before, so that numpy could only take a step of all lanes at a time, in a dozen calls. That
costs as much where there are sixty lanes, and far more where there are few. `range_coder_ops` does
the same faster, where it can be had.
"""

from bisect import bisect_right
from itertools import chain, repeat

import numpy as np

PROBABILITY_BITS = 16
CERTAIN = 1 << PROBABILITY_BITS
WORD_BITS = 16
WORD = 1 << WORD_BITS
START_BITS = 32


class RangeEncoder:
    """Codes symbols into one string per lane.

    Args:
        lanes: number of strings.
        prior: flat integers.
    """

    def __init__(self, lanes, prior=()):
        edges = edges_of_rows(prior)
        self._lanes = [_LaneEncoder(edges) for _ in range(lanes)]

    def encode(self, rows, symbols):
        """Codes symbols with these rows, integers (steps, lanes).

        All rows are decisions, or all are of the prior or 0.
        """
        code = _LaneEncoder.decide if _are_decisions(rows) else _LaneEncoder.look_up
        for lane, *columns in zip(self._lanes, rows.T, symbols.T):
            code(lane, *(column.tolist() for column in columns))

    def finish(self):
        """The strings, a list of bytes."""
        return [lane.finish() for lane in self._lanes]


class _LaneEncoder:
    """The interval [base, base + size), but for the words that it begins with."""

    def __init__(self, edges):
        self._edges = edges
        self._base, self._size = 0, 1 << START_BITS
        # Words of 2^16 and more have a carry for the word before.
        self._words = []

    def decide(self, probabilities, symbols):
        """Codes decisions, lists both."""
        base, size, write = self._base, self._size, self._words.append
        for probability, symbol in zip(probabilities, symbols):
            edge = size * probability >> PROBABILITY_BITS
            if symbol:
                base += edge
                size -= edge
            else:
                size = edge
            if size <= WORD:
                write(base >> WORD_BITS)
                base, size = base % WORD << WORD_BITS, size << WORD_BITS
        self._base, self._size = base, size

    def look_up(self, rows, symbols):
        """Codes symbols of rows of the prior, lists both."""
        base, size, write = self._base, self._size, self._words.append
        for row, symbol in zip(rows, symbols):
            lower, upper = _part(size, self._edges[row], symbol)
            base, size = base + lower, upper - lower
            if size <= WORD:
                write(base >> WORD_BITS)
                base, size = base % WORD << WORD_BITS, size << WORD_BITS
        self._base, self._size = base, size

    def finish(self):
        """The string of a number in the interval: of the zeros at its end, hardly any is left."""
        words = np.array(self._words, "int64")
        digits, carries = (int.from_bytes((words >> bits).astype(">u2").tobytes(), "big")
                           for bits in (0, WORD_BITS))
        base = (digits + (carries << WORD_BITS) << START_BITS) + self._base
        length = 2 * len(words)
        if base % (1 << START_BITS) == 0:
            return (base >> START_BITS).to_bytes(length, "big")
        for bits in (START_BITS, 24, WORD_BITS):  # The last one does: sizes are 2^16 at least.
            number = -(-base >> bits) << bits
            if number < base + self._size:
                break
        return number.to_bytes(length + START_BITS // 8, "big").rstrip(b"\0")


class RangeDecoder:
    """Decodes what `RangeEncoder` coded, by the same calls.

    Zeros follow each string: what is cut short or damaged decodes to other symbols.

    Args:
        strings: one string of bytes per lane.
        prior: flat integers.
    """

    def __init__(self, strings, prior=()):
        edges = edges_of_rows(prior)
        self._lanes = [_LaneDecoder(string, edges) for string in strings]

    def decode(self, rows):
        """Symbols with these rows, integers (steps, lanes); see `RangeEncoder.encode`."""
        code = _LaneDecoder.decide if _are_decisions(rows) else _LaneDecoder.look_up
        columns = zip(self._lanes, rows.T)
        return np.stack([code(lane, column.tolist()) for lane, column in columns], -1)


class _LaneDecoder:
    """An interval by its size and by how far the string's number lies above its lower end."""

    def __init__(self, string, edges):
        self._edges = edges
        words = np.frombuffer(string + bytes(len(string) % 2), ">u2").tolist()
        self._next_word = chain(words, repeat(0)).__next__
        self._above = self._next_word() << WORD_BITS | self._next_word()
        self._size = 1 << START_BITS

    def decide(self, probabilities):
        """Decodes decisions with probabilities, a list; returns an array."""
        above, size, next_word = self._above, self._size, self._next_word
        symbols = bytearray()
        found = symbols.append
        for probability in probabilities:
            edge = size * probability >> PROBABILITY_BITS
            if above < edge:
                size = edge
                found(0)
            else:
                above -= edge
                size -= edge
                found(1)
            if size <= WORD:
                above, size = above << WORD_BITS | next_word(), size << WORD_BITS
        self._above, self._size = above, size
        return np.frombuffer(symbols, "uint8")

    def look_up(self, rows):
        """Decodes symbols of rows of the prior, a list; returns an array."""
        above, size, next_word = self._above, self._size, self._next_word
        symbols = []
        for row in rows:
            edges = self._edges[row]
            # The last edge that the number is not below, size * edge >> 16 <= above.
            symbol = bisect_right(edges, ((above + 1 << PROBABILITY_BITS) - 1) // size) - 1
            lower, upper = _part(size, edges, symbol)
            above, size = above - lower, upper - lower
            if size <= WORD:
                above, size = above << WORD_BITS | next_word(), size << WORD_BITS
            symbols.append(symbol)
        self._above, self._size = above, size
        return np.array(symbols, "int32")


def _are_decisions(rows):
    return rows.max(initial=0) < CERTAIN


def _part(size, edges, symbol):
    """Ends of a symbol's part of an interval of this size."""
    return (size * edges[symbol] >> PROBABILITY_BITS,
            size * edges[symbol + 1] >> PROBABILITY_BITS)


def edges_of_rows(prior):
    """Cumulative frequencies of 2^16, lists, of row 0 and, by number, of the rows of a prior."""
    rows, values, start = [], np.asarray(prior).tolist(), 0
    while start < len(values):
        precision = values[start]
        whole = 1 << precision
        end = values.index(whole, start + 1) + 1
        rows.append([edge << PROBABILITY_BITS - precision for edge in values[start + 1:end]])
        # A symbol that has nothing left of the whole is none.
        while end < len(values) and values[end] == whole:
            end += 1
        start = end
    return {0: [0, 0, CERTAIN], **dict(enumerate(rows, CERTAIN))}
