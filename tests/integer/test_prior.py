"""Integer tables of the factorized prior."""

import numpy as np
import pytest

from alic_tf.integer.coder import SymbolDecoder, SymbolEncoder
from alic_tf.integer.prior import FactorizedTables
from alic_tf.networks.entropy.priors import DeepFactorized
from alic_tf.networks.to_integer import converted

SCALES = np.array([0.02, 0.3, 2.0, 40.0, 3000.0])
MEDIANS = np.array([0.3, -1.75, 0.0, 12.5, -3.0])


def cumulative(values):
    return 0.5 + 0.5 * np.tanh((values - MEDIANS[:, None]) / SCALES[:, None] / 2)


TABLES = FactorizedTables.from_cumulative(cumulative, MEDIANS)


def coded_bytes(tables, z):
    encoder = SymbolEncoder(tables.rows)
    tables.encode(encoder, z)
    strings = encoder.finish()
    decoded = tables.decode(SymbolDecoder(strings, tables.rows), *z.shape[:2])
    np.testing.assert_array_equal(decoded, z)
    return sum(map(len, strings))


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
def test_code_length_is_the_entropy(lanes):
    rng = np.random.default_rng(0)
    z = np.floor(rng.logistic(size=(60, 70, 4)) * SCALES[:4] + 0.5).astype("int64")
    tables = FactorizedTables.from_cumulative(
        lambda v: 0.5 + 0.5 * np.tanh(v / SCALES[:4, None] / 2), np.zeros(4))
    upper, lower = (0.5 + 0.5 * np.tanh((z + side) / SCALES[:4] / 2) for side in (0.5, -0.5))
    bits = -np.log2(np.maximum(upper - lower, 1e-12)).sum()
    assert coded_bytes(tables, z) * 8 < 1.005 * bits + 16 * lanes


@pytest.mark.parametrize("lanes", [1, 4], indirect=True)
def test_integers_outside_the_tables(lanes):
    z = np.random.default_rng(1).integers(-(2**15), 2**15 + 1, (6, 5, 5))
    # As long as Elias gamma code with a sign and a bit for zero.
    bits = 2 * np.log2(np.maximum(np.abs(z), 1)) + 3
    escapes = np.abs(z) > 1024
    assert coded_bytes(TABLES, z) * 8 < np.sum(bits[escapes]) + 35 * z.size + 16 * lanes


def test_no_string_keeps_the_decoder_for_ever():
    """Zeros after an escape: the range coder's own escape would read them without end."""
    for channel, row in enumerate(np.split(TABLES.rows, np.flatnonzero(TABLES.rows == 1 << 16) + 1)
                                  [:-1]):
        tables = FactorizedTables(row, TABLES.offsets[[channel]], TABLES.medians[[channel]])
        string = int(row[-2]).to_bytes(2, "big")
        decoded = tables.decode(SymbolDecoder([string], tables.rows), 3, 2)
        assert decoded.shape == (3, 2, 1) and np.abs(decoded).max() < 1 << 17


def test_rows_are_well_formed():
    ends = np.flatnonzero(TABLES.rows == 1 << 16)
    assert len(ends) == len(SCALES)
    for row in np.split(TABLES.rows, ends[:-1] + 1):
        assert row[0] == 16 and row[1] == 0 and np.all(np.diff(row[1:]) > 0)


def test_values_add_the_medians():
    z = np.array([[[0, 1, -2, 3, 4]]])
    np.testing.assert_allclose(TABLES.values(z) / 4096, z + MEDIANS, atol=1 / 8192)


def test_of_trained_prior():
    prior = DeepFactorized(3, seed=1)
    prior.build()
    prior.center()
    tables = converted(prior)
    z = np.random.default_rng(2).integers(-20, 21, (20, 20, 3))
    values = (z + np.asarray(prior.medians)).astype("float32")
    bits = -np.log2(np.asarray(prior.likelihood(values))).sum()
    assert abs(coded_bytes(tables, z) * 8 / bits - 1) < 0.01


def test_survives_storage():
    again = FactorizedTables(**TABLES.arrays())
    for name, array in TABLES.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
        assert array.dtype == np.int32
