"""Integer tables of a factorized prior, one distribution per channel."""

import numpy as np

from alic_tf.integer.coder import CERTAIN, PROBABILITY_BITS
from alic_tf.integer.fixed_point import FRACTION_BITS, ONE, saturate
from alic_tf.integer.stored import Stored

# Integers beyond which a channel has this little mass are coded by an escape.
TAIL_MASS = 2.0**-10
# No channel's table reaches farther than this to either side of its median.
REACH = 1024


def _frequencies(masses):
    """Integers of at least one, proportional to the masses, that add up to 2^16."""
    frequencies = 1 + np.floor(masses / masses.sum() * (CERTAIN - len(masses))).astype("int64")
    frequencies[np.argmax(frequencies)] += CERTAIN - frequencies.sum()
    return frequencies


class _Even:
    """Stands for the mixture of integers of which nothing is known: every answer has half a chance.

    They cost as much as in Elias gamma code.
    """

    def __init__(self, count):
        self.total = np.zeros(count, "int64")

    def __len__(self):
        return len(self.total)

    def take(self, indices):
        return _Even(len(self.total[indices]))

    def centre(self):
        return np.zeros(len(self), "int64")

    def cdf(self, k):
        return np.zeros(len(k), "int64")


class FactorizedTables(Stored):
    """Distributions of the hyper latent's integers: distances from each channel's median.

    Integers outside a channel's table are coded as its escape, and then question by question. The
    range coder's own escape is no alternative: a decoder never leaves it on some damaged strings.

    Args:
        rows: int32, for each channel the precision, then cumulative frequencies from 0 to 2^16;
            the last interval is the escape for all other integers.
        offsets: int32 (channels,), the integer that stands first in each row.
        medians: int32 (channels,), with 12 fraction bits.

    Raises:
        ValueError: the rows are not those of so many channels.
    """

    FIELDS = {"rows": "int32", "offsets": "int32", "medians": "int32"}

    def __init__(self, rows, offsets, medians):
        self.rows = np.asarray(rows, "int32")
        ends = np.flatnonzero(self.rows == CERTAIN)
        starts = np.append(-1, ends[:-1]) + 1
        self.escapes = ends - starts - 2
        self.offsets = np.asarray(offsets, "int64")
        self.medians = np.asarray(medians, "int64")
        rising = np.diff(self.rows) > 0
        rising[starts] = True  # from the precision to the first frequency, 0,
        rising[ends[:-1]] = True  # and from the end of a row to the precision of the next
        if not (len(ends) == len(self.offsets) == len(self.medians) and self.escapes.min() >= 0
                and self.rows[-1] == CERTAIN and rising.all()
                and (self.rows[starts] == PROBABILITY_BITS).all()
                and not self.rows[starts + 1].any()):
            raise ValueError("rows must be cumulative frequencies, one for each channel")

    @classmethod
    def from_cumulative(cls, cumulative, medians):
        """Builds the tables from float distributions.

        Args:
            cumulative: function from float64 values (channels, n) to the probability that each
                channel is at most that value.
            medians: float (channels,).
        """
        medians = np.asarray(medians, "float64")
        edges = np.arange(-REACH, REACH + 2) - 0.5
        at_edges = np.asarray(cumulative(edges + medians[:, None]), "float64")
        rows, offsets = [], []
        for channel in at_edges:
            # Bins first to last - 1 lie between edges first and last.
            first = np.searchsorted(channel, TAIL_MASS / 2, side="right") - 1
            last = np.searchsorted(channel, 1 - TAIL_MASS / 2)
            first = np.clip(first, 0, REACH)
            last = np.clip(last, REACH + 1, len(edges) - 1)
            masses = np.diff(channel[first:last + 1])
            masses = np.append(np.maximum(masses, 0), max(1 - masses.sum(), 2.0**-20))
            rows += [PROBABILITY_BITS, 0, *np.cumsum(_frequencies(masses))]
            offsets.append(first - REACH)
        return cls(rows, offsets, np.rint(medians * ONE))

    def _channels(self, count):
        return np.tile(np.arange(len(self.offsets)), count // len(self.offsets))

    def encode(self, encoder, z):
        """Codes integers (height, width, channels) of at most 2^15 in magnitude.

        The encoder must hold `rows` as its prior.
        """
        channels = self._channels(z.size)
        z, escapes = z.reshape(-1), self.escapes[channels]
        symbols = z - self.offsets[channels]
        inside = (symbols >= 0) & (symbols < escapes)
        encoder.encode_rows(np.where(inside, symbols, escapes), channels)
        encoder.encode_mixture(z[~inside], _Even(np.count_nonzero(~inside)))

    def decode(self, decoder, height, width):
        """Decodes integers (height, width, channels)."""
        channels = self._channels(height * width * len(self.offsets))
        symbols = decoder.decode_rows(channels)
        z = symbols + self.offsets[channels]
        outside = symbols == self.escapes[channels]
        z[outside] = decoder.decode_mixture(_Even(np.count_nonzero(outside)))
        return z.reshape(height, width, -1)

    def values(self, z):
        """Fixed-point activations that the integers stand for, float64."""
        return saturate(((z << FRACTION_BITS) + self.medians).astype("float64"))
