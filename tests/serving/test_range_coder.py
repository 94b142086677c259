"""The range coder in TensorFlow operations against that of TensorFlow Compression."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_compression_ops as range_coder

from alic_tf.entropy import coder
from alic_tf.serving import range_encoder
from alic_tf.serving.range_decoder import RangeDecoder

CUMULATIVE = np.array([[0, 65536, 65536, 65536], [0, 1, 65535, 65536], [0, 30000, 65536, 65536]])
PRIOR = np.concatenate([[16, *row] for row in CUMULATIVE[1:]])


def reference(rows, symbols):
    """Strings of TensorFlow Compression's encoder, of arrays (steps, lanes)."""
    table = np.concatenate([coder.binary_rows(), PRIOR]).astype("int32")
    handle = range_coder.create_range_encoder([rows.shape[1]], table)
    handle = range_coder.entropy_encode_index(
        handle, rows.T.astype("int32"), symbols.T.astype("int32"))
    return list(range_coder.entropy_encode_finalize(handle).numpy())


def decisions(kind, steps, lanes, rng):
    """Probabilities of "yes" and answers, 0 for yes, (steps, lanes)."""
    shape = (steps, lanes)
    if kind == "likely":
        p = np.clip(65536 * rng.beta(0.1, 0.1, shape), 1, 65535).astype("int64")
        return p, (rng.random(shape) * 65536 >= p).astype("int64")
    if kind == "carries":
        # Nearly always the larger part, the lower end of which is just above the interval's:
        # words of all ones, which a carry runs through.
        p = rng.choice([1, 2, 65535], shape, p=[0.5, 0.4, 0.1])
        return p, (rng.random(shape) < 0.97).astype("int64")
    p = rng.choice([0, 1, 2, 32768, 65534, 65535], shape)
    return p, np.where(p == 0, 1, rng.integers(0, 2, shape))


strings_of = tf.function(
    range_encoder.strings_of, autograph=False,
    input_signature=[tf.TensorSpec([None, None], tf.int64)] * 2)


@pytest.mark.parametrize("kind", ["likely", "carries", "extreme"])
def test_strings_are_those_of_tensorflow_compression(kind):
    rng = np.random.default_rng(0)
    for steps, lanes in ((1, 300), (2, 300), (3, 300), (7, 300), (40, 300), (301, 64), (2000, 3)):
        p, answers = decisions(kind, steps, lanes, rng)
        lower, upper = np.where(answers == 0, 0, p), np.where(answers == 0, p, 65536)
        strings = strings_of(lower, upper)
        assert [bytes(row) for row in strings.to_list()] == reference(p, answers)


@tf.function(autograph=False, reduce_retracing=True)
def decode(data, starts, lengths, probability, channels):
    decoder = RangeDecoder(data, starts, lengths, tf.constant(CUMULATIVE))
    first = decoder.code_rows(channels)
    decoder.state, yes = decoder.answers(decoder.state, probability)
    return first, tf.cast(~yes, tf.int64), decoder.code_rows(channels)


@pytest.mark.parametrize("kind", ["likely", "carries", "extreme"])
def test_decodes_what_tensorflow_compression_coded(kind):
    rng = np.random.default_rng(1)
    for steps, lanes in ((1, 8), (9, 128), (500, 1), (129, 4)):
        p, answers = decisions(kind, steps, lanes, rng)
        channels = rng.integers(1, 3, (17, lanes))
        symbols = rng.integers(0, np.where(channels == 1, 3, 2))
        rows = channels + coder.CERTAIN - 1
        strings = reference(np.concatenate([rows, p, rows]),
                            np.concatenate([symbols, answers, symbols]))
        lengths = np.array([len(string) for string in strings])
        data = np.frombuffer(b"".join(strings), "uint8").astype("int64")
        decoded = decode(data, np.cumsum(lengths) - lengths, lengths, p.reshape(-1),
                         channels.reshape(-1))
        for expected, found in zip((symbols, answers, symbols), decoded):
            np.testing.assert_array_equal(found.numpy(), expected.reshape(-1))
