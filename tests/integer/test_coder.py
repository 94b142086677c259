"""The coder: what is coded is decoded, in the number of bits the mixture promises."""

import numpy as np
import pytest

from alic_tf.integer import coder
from alic_tf.integer.coder import (
    CERTAIN,
    LANE_BYTES,
    LARGEST_SYMBOL,
    SymbolDecoder,
    SymbolEncoder,
    choose_lanes,
    costs,
)
from alic_tf.integer.mixture import IntegerMixture
from alic_tf.integer.tables import IntegerTables

TABLES = IntegerTables.generate()


def gaussians(scales, means=0.0):
    means = np.broadcast_to(np.rint(np.asarray(means) * 4096), scales.shape).astype("int64")
    levels = TABLES.levels_of_scales(np.rint(scales * 4096))
    return IntegerMixture(TABLES, ("gaussian",), means[None], levels[None])


def wild(kind, rng, n, channels):
    parameters = rng.normal(size=(channels, n)) * np.exp(rng.uniform(-3, 6, n))
    return IntegerMixture.from_parameters(kind, np.rint(parameters * 4096), TABLES)


def draw(mixture, rng):
    """Symbols distributed as the mixture says, by bisection of its cumulative."""
    level = (rng.random(len(mixture)) * mixture.total).astype("int64")
    low, high = (np.full(len(mixture), sign * LARGEST_SYMBOL) for sign in (-1, 1))
    for _ in range(17):
        middle = low + high >> 1
        above = mixture.cdf(middle) > level
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return high


def ideal_bits(symbols, mixture):
    mass = mixture.cdf(symbols) - mixture.cdf(symbols - 1)
    return -np.sum(np.log2(mass / mixture.total))


def roundtrip(symbols, mixture):
    encoder = SymbolEncoder()
    encoder.encode_mixture(symbols, mixture)
    strings = encoder.finish()
    np.testing.assert_array_equal(SymbolDecoder(strings).decode_mixture(mixture), symbols)
    return 8 * sum(map(len, strings))


@pytest.mark.parametrize("lanes", [1, 4, 64], indirect=True)
@pytest.mark.parametrize("kind, channels", [("gaussian", 2), ("gmm", 9), ("gllmm", 30)])
def test_code_length_is_the_entropy(kind, channels, lanes):
    rng = np.random.default_rng(0)
    mixture = wild(kind, rng, 20000, channels)
    symbols = draw(mixture, rng)
    bits = roundtrip(symbols, mixture)
    # A lane may end in a partly used byte or two.
    assert bits < 1.002 * ideal_bits(symbols, mixture) + 16 * lanes


@pytest.mark.parametrize("scale", [0.11, 0.2, 0.4, 2, 60, 500])
def test_code_length_at_each_scale(scale):
    rng = np.random.default_rng(1)
    mixture = gaussians(np.full(50000, scale))
    symbols = draw(mixture, rng)
    assert roundtrip(symbols, mixture) < 1.002 * ideal_bits(symbols, mixture) + 24


def test_certain_zeros_are_free():
    n = 300000
    assert roundtrip(np.zeros(n, "int64"), gaussians(np.full(n, 0.05))) < 0.0005 * n


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
def test_any_symbol_under_any_distribution(lanes):
    """Symbols the mixture calls impossible cost bits, not correctness."""
    rng = np.random.default_rng(2)
    n = 3000
    symbols = rng.integers(-LARGEST_SYMBOL, LARGEST_SYMBOL + 1, n)
    symbols[:2] = -LARGEST_SYMBOL, LARGEST_SYMBOL
    means = rng.uniform(-4095, 4095, n)
    means[:2] = 4095, -4095
    assert roundtrip(symbols, gaussians(np.full(n, 0.02), means)) < 100 * n


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_symbols(count, lanes):
    roundtrip(np.arange(count), gaussians(np.full(count, 1.0)))


@pytest.mark.parametrize("lanes", [1, 8], indirect=True)
def test_passes_in_one_call_equal_single_calls(lanes):
    rng = np.random.default_rng(3)
    sizes = [1, 0, 700, 3, 9000, 2]
    mixture = gaussians(rng.uniform(0.1, 3, sum(sizes)))
    symbols = draw(mixture, rng)
    parts = [slice(end - size, end) for size, end in zip(sizes, np.cumsum(sizes))]
    at_once, singly = SymbolEncoder(), SymbolEncoder()
    at_once.encode_mixture(symbols, mixture, sizes)
    for part in parts:
        singly.encode_mixture(symbols[part], mixture.take(part))
    strings = at_once.finish()
    assert singly.finish() == strings
    decoder = SymbolDecoder(strings)
    for part in parts:
        decoded = decoder.decode_mixture(mixture.take(part))
        np.testing.assert_array_equal(decoded, symbols[part])


@pytest.mark.parametrize("lanes", [1, 8], indirect=True)
@pytest.mark.parametrize("sizes", [None, [20, 5000, 0, 1, 15979]])
def test_parts_of_a_pass_equal_the_pass(lanes, sizes, monkeypatch):
    """Parts are a matter of memory: files do not tell how a pass was cut."""
    rng = np.random.default_rng(6)
    mixture = gaussians(rng.uniform(0.1, 30, 21000))
    symbols = draw(mixture, rng)
    parts = [slice(0, 3), slice(3, 9000), slice(9000, 9000), slice(9000, 21000)]
    whole, cut = SymbolEncoder(), SymbolEncoder()
    whole.encode_mixture(symbols, mixture, sizes)
    strings = whole.finish()
    monkeypatch.setattr(coder, "GROUP", 1000)
    cut.encode_parts([(symbols[part], mixture.take(part)) for part in parts], sizes)
    assert cut.finish() == strings
    if sizes is None:
        decoded = SymbolDecoder(strings).decode_parts([mixture.take(part) for part in parts])
        assert [len(found) for found in decoded] == [3, 8997, 0, 12000]
        np.testing.assert_array_equal(np.concatenate(decoded), symbols)


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
def test_rows_of_a_prior(lanes):
    prior = [16, 0, 60000, 65000, 65536, 16, 0, 30000, 65536]
    rng = np.random.default_rng(4)
    rows = rng.integers(0, 2, 1000)
    values = np.where(rows == 0, rng.integers(0, 3, 1000), rng.integers(0, 2, 1000))
    mixture = gaussians(np.full(100, 2.0))
    symbols = draw(mixture, rng)
    encoder = SymbolEncoder(prior)
    encoder.encode_rows(values, rows)
    encoder.encode_mixture(symbols, mixture)
    decoder = SymbolDecoder(encoder.finish(), prior)
    np.testing.assert_array_equal(decoder.decode_rows(rows), values)
    np.testing.assert_array_equal(decoder.decode_mixture(mixture), symbols)


def decode_by_the_book(string, rows):
    """Symbols of one lane, coded under these cumulative frequencies: as docs/format.md says."""
    base, size, position = 0, 1 << 32, 4
    string = string + bytes(4 + 2 * len(rows))
    value = int.from_bytes(string[:4], "big")
    symbols = []
    for row in rows:
        edges = [base + (size * edge >> 16) for edge in row]
        symbols.append(sum(value >= edge for edge in edges[1:]))
        base, size = edges[symbols[-1]], edges[symbols[-1] + 1] - edges[symbols[-1]]
        if size <= 1 << 16:
            base, size = base << 16, size << 16
            value = value << 16 | int.from_bytes(string[position:position + 2], "big")
            position += 2
    return symbols


@pytest.mark.parametrize("lanes", [1, 2, 8], indirect=True)
def test_rounds_are_dealt_out_to_lanes(lanes):
    rows = [[0, 60000, 65000, 65536], [0, 30000, 65536], [0, 1, 65535, 65536]]
    rng = np.random.default_rng(6)
    rounds = [rng.integers(0, 3, n) for n in (1000, 3, 8, 17, 999)]
    values = [[rng.choice(len(rows[i]) - 1, p=np.diff(rows[i]) / CERTAIN) for i in numbers]
              for numbers in rounds]
    encoder = SymbolEncoder([n for row in rows for n in (16, *row)])
    for numbers, symbols in zip(rounds, values):
        encoder.encode_rows(np.array(symbols), numbers)
    strings = encoder.finish()
    assert len(strings) == lanes
    for lane, string in enumerate(strings):
        numbers = [i for numbers in rounds for i in numbers[lane::lanes]]
        expected = [value for symbols in values for value in symbols[lane::lanes]]
        assert decode_by_the_book(string, [rows[i] for i in numbers]) == expected


def test_costs_are_ideal_lengths():
    f = np.array([1, 2, 300, CERTAIN // 2, CERTAIN - 1, CERTAIN])
    np.testing.assert_allclose(costs()[f] / 256, -np.log2(f / CERTAIN), atol=1 / 512)


@pytest.mark.parametrize("size, lanes", [
    (0, 1), (LANE_BYTES, 1), (2 * LANE_BYTES - 1, 1), (2 * LANE_BYTES, 2), (63 * LANE_BYTES, 32),
    (10**9, 128)])
def test_lanes_by_size(size, lanes):
    assert choose_lanes(size * 8 << 8) == lanes


def test_large_inputs_get_lanes_that_cost_little():
    rng = np.random.default_rng(7)
    mixture = gaussians(np.full(40000, 1.0))
    symbols = draw(mixture, rng)
    encoder = SymbolEncoder()
    encoder.encode_mixture(symbols, mixture)
    strings = encoder.finish()
    bits = 8 * sum(map(len, strings))
    assert len(strings) == 32
    assert bits < 1.004 * ideal_bits(symbols, mixture)
    np.testing.assert_array_equal(SymbolDecoder(strings).decode_mixture(mixture), symbols)


def test_damaged_strings_end_in_symbols():
    rng = np.random.default_rng(5)
    mixture = wild("gmm", rng, 2000, 9)
    for string in (b"", b"\xff" * 10, b"\x00" * 5000, rng.bytes(3000)):
        decoded = SymbolDecoder([string]).decode_mixture(mixture)
        assert np.all(np.abs(decoded) <= 1 << 17)


def test_refuses_symbols_out_of_range():
    with pytest.raises(ValueError, match="32768"):
        SymbolEncoder().encode_mixture([1 << 16], gaussians(np.ones(1)))
