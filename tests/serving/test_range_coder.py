"""The range coder in TensorFlow operations against the one in plain integers."""

import numpy as np
import pytest
import tensorflow as tf

from alic_tf.integer import range_coder
from alic_tf.serving import range_encoder
from alic_tf.serving.range_decoder import RangeDecoder
from tests.integer.decisions import KINDS, SHAPES, decisions

CUMULATIVE = np.array([[0, 65536, 65536, 65536], [0, 1, 65535, 65536], [0, 30000, 65536, 65536]])
PRIOR = np.concatenate([[16, *row] for row in CUMULATIVE[1:]])


def reference(*rectangles):
    """Strings of pairs (rows, symbols) of arrays (steps, lanes), by the codec's range coder."""
    encoder = range_coder.RangeEncoder(rectangles[0][0].shape[1], PRIOR)
    for rows, symbols in rectangles:
        encoder.encode(rows, symbols)
    return encoder.finish()


strings_of = tf.function(
    range_encoder.strings_of, autograph=False,
    input_signature=[tf.TensorSpec([None, None], tf.int64)] * 2)


@pytest.mark.parametrize("kind", KINDS)
def test_strings_are_those_of_the_codec(kind):
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        p, answers = decisions(kind, *shape, rng)
        lower, upper = np.where(answers == 0, 0, p), np.where(answers == 0, p, 65536)
        strings = strings_of(lower, upper)
        assert [bytes(row) for row in strings.to_list()] == reference((p, answers))


@tf.function(autograph=False, reduce_retracing=True)
def decode(data, starts, lengths, probability, channels):
    decoder = RangeDecoder(data, starts, lengths, tf.constant(CUMULATIVE))
    first = decoder.code_rows(channels)
    decoder.state, yes = decoder.answers(decoder.state, probability)
    return first, tf.cast(~yes, tf.int64), decoder.code_rows(channels)


@pytest.mark.parametrize("kind", KINDS)
def test_decodes_as_the_codec(kind):
    rng = np.random.default_rng(1)
    for steps, lanes in ((1, 8), (9, 128), (500, 1), (129, 4)):
        p, answers = decisions(kind, steps, lanes, rng)
        channels = rng.integers(1, 3, (17, lanes))
        symbols = rng.integers(0, np.where(channels == 1, 3, 2))
        rows = channels + range_coder.CERTAIN - 1
        coded = reference((rows, symbols), (p, answers), (rows, symbols))
        for strings in (coded, [string[:-3] for string in coded], [b"\xff" * 9] * lanes):
            decoder = range_coder.RangeDecoder(strings, PRIOR)
            expected = [decoder.decode(rows) for rows in (rows, p, rows)]
            lengths = np.array([len(string) for string in strings])
            data = np.frombuffer(b"".join(strings), "uint8").astype("int64")
            decoded = decode(data, np.cumsum(lengths) - lengths, lengths, p.reshape(-1),
                             channels.reshape(-1))
            for symbols, found in zip(expected, decoded):
                np.testing.assert_array_equal(found.numpy(), symbols.reshape(-1))
