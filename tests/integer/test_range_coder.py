"""The range coder, which is optional in one of two forms: both must be one and the same."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from alic_tf import zoo
from alic_tf.integer import coder, range_coder
from alic_tf.integer.range_coder import CERTAIN
from alic_tf.pictures import images
from tests.conformance import vectors
from tests.integer.decisions import KINDS, SHAPES, decisions

ROOT = Path(__file__).parents[2]
# A row of very many symbols, one that ends in symbols without probability, one of fewer bits.
PRIOR = [16, *range(65535), 65536, 16, 0, 1, 65535, 65536, 65536, 4, *range(17)]
SYMBOLS = 65535, 3, 16


@pytest.fixture(scope="module")
def ops():
    return pytest.importorskip("alic_tf.integer.range_coder_ops", exc_type=ImportError)


def rows_of_the_prior(steps, lanes, rng):
    """Rows, some of them 0, which is certain, and symbols, (steps, lanes)."""
    rows = rng.integers(0, len(SYMBOLS), (steps, lanes))
    symbols = rng.integers(0, np.array(SYMBOLS)[rows])
    padding = rng.random(rows.shape) < 0.1
    return np.where(padding, 0, rows + CERTAIN), np.where(padding, 1, symbols)


def rectangles(kind, steps, lanes, rng):
    """Decisions, rows of the prior, and decisions again: (rows, symbols) each."""
    return [decisions(kind, steps, lanes, rng), rows_of_the_prior(steps // 9, lanes, rng),
            decisions(kind, steps, lanes, rng)]


def encode(module, lanes, rectangles):
    encoder = module.RangeEncoder(lanes, PRIOR)
    for rows, symbols in rectangles:
        encoder.encode(rows, symbols)
    return encoder.finish()


def decode(module, strings, rectangles):
    decoder = module.RangeDecoder(strings, PRIOR)
    return [decoder.decode(rows) for rows, _ in rectangles]


@pytest.mark.parametrize("kind", KINDS)
def test_strings_are_those_of_tensorflow_compression(kind, ops):
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        coded = rectangles(kind, *shape, rng)
        strings = encode(range_coder, shape[1], coded)
        assert strings == encode(ops, shape[1], coded)
        for module in (range_coder, ops):
            for (_, expected), found in zip(coded, decode(module, strings, coded)):
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("damage", [
    lambda string, rng: string[:len(string) // 2],
    lambda string, rng: string[:-1],
    lambda string, rng: b"",
    lambda string, rng: b"\xff" * len(string),
    lambda string, rng: rng.bytes(len(string) + 3),
])
def test_damaged_strings_are_as_those_of_tensorflow_compression(damage, ops):
    rng = np.random.default_rng(1)
    coded = rectangles("likely", 900, 4, rng)
    strings = [damage(string, rng) for string in encode(range_coder, 4, coded)]
    for expected, found in zip(decode(ops, strings, coded), decode(range_coder, strings, coded)):
        np.testing.assert_array_equal(found, expected)


def test_carries_run_through_many_words():
    p, symbols = decisions("carries", 2000, 20, np.random.default_rng(2))
    strings = encode(range_coder, 20, [(p, symbols)])
    # Those that hold 1/2 to the very end have just that as their string.
    assert {string[1:21] for string in strings} == {b"", bytes(20), b"\xff" * 20}
    np.testing.assert_array_equal(decode(range_coder, strings, [(p, symbols)])[0], symbols)


def test_files_do_not_tell_which_range_coder_wrote_them(ops, tmp_path):
    model, picture = tmp_path / "model.npz", ROOT / "docs/images/demo.png"
    vectors.unpack_model("parallel", model)
    data = subprocess.run(
        [sys.executable, "-m", "tests.integer.code_without_ops", model, picture], cwd=ROOT,
        check=True, stdout=subprocess.PIPE).stdout
    assert coder.range_coder is ops
    assert zoo.load(model).encode(images.read(picture)) == data


def test_operations_of_another_tensorflow_are_none(tmp_path, monkeypatch):
    (tmp_path / "tensorflow_compression_ops.py").write_text(
        "import tensorflow as tf; raise tf.errors.NotFoundError(None, None, 'undefined symbol')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("tensorflow_compression_ops", "alic_tf.integer.range_coder_ops"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ImportError, match="undefined symbol"):
        importlib.import_module("alic_tf.integer.range_coder_ops")
