"""Sizes of the files that the authors of the quantized autoencoder would write."""

import pickle

import numpy as np
import pytest

from alic_tf import zoo
from alic_tf.evaluation import pickled
from tests.test_codec import picture
from tests.tiny_models import tiny_dwan, tiny_qae


def test_size_is_that_of_a_pickled_number():
    """Of levels that stay equally likely, so that the length of the code is known."""
    levels = np.tile(np.arange(17), 40).reshape(8, 5, 17)
    size, code = pickled.original_bytes(levels, 4)
    assert code == pytest.approx(680 * np.log2(17), rel=0.05)
    number = int("1" + "01" * round(code / 2), 2)
    assert abs(size - len(pickle.dumps(f"17_8_5,{number}"))) <= 2


def test_frequent_levels_become_cheap():
    rng = np.random.default_rng(0)
    constant, random = np.full((9, 9, 60), 3), rng.integers(0, 17, (9, 9, 60))
    (cheap, _), (dear, _) = (pickled.original_bytes(levels, 4) for levels in (constant, random))
    assert cheap < dear / 4
    # The entropy in bits, at log2(10) bits for a byte.
    assert dear * np.log2(10) > 0.99 * 4860 * np.log2(17)


def test_command(tmp_path, capsys):
    from PIL import Image

    for name, model in (("tiny", tiny_qae()), ("other", tiny_dwan())):
        zoo.export(model, name, tmp_path / name / "model.npz")
    (tmp_path / "data").mkdir()
    for i in range(2):
        Image.fromarray(picture(130, 200, i)).save(tmp_path / "data" / f"{i}.png")

    def run(*arguments):
        return pickled.flags.main(pickled.run, ["pickled", *map(str, arguments)])

    assert run("--model", tmp_path / "tiny", "--data", tmp_path / "data") == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 3 and rows[0].startswith("0.png: ") and "times" in rows[2]
    codec = zoo.load(tmp_path / "tiny")
    sizes = [len(codec.encode(picture(130, 200, i))) for i in range(2)]
    assert [int(row.split()[1]) for row in rows] == [*sizes, sum(sizes)]
    assert run("--model", tmp_path / "other", "--data", tmp_path / "data") == 2
    assert run("--model", tmp_path / "tiny") == 2
    assert capsys.readouterr().err.count("\n") == 2
