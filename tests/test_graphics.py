"""The pictures beside photographs that training uses; pages need a browser, and are left out."""

import numpy as np
import pytest

from examples.graphics import __main__ as program
from examples.graphics.source import Source
from tests.training import tiny


@pytest.mark.parametrize("number", range(program.PAGES, program.PAGES + len(program.KINDS)))
def test_a_picture_follows_from_its_number(number):
    photographs = tiny.photographs(4, 300, 400)
    pictures = [np.asarray(program.make(number, "train", photographs, None)[1]) for _ in range(2)]
    assert pictures[0].shape[2] == 3 and min(pictures[0].shape[:2]) >= 128
    assert pictures[0].std() > 1
    np.testing.assert_array_equal(*pictures)


def test_the_parts_share_nothing():
    photographs = tiny.photographs(4)
    train, test = (Source.of(part, photographs, np.random.default_rng(0))
                   for part in ("train", "test"))
    assert train.words and test.words and train.fonts and test.fonts
    assert not set(train.fonts) & set(test.fonts)
    assert not {id(p) for p in train.photographs} & {id(p) for p in test.photographs}
    assert " ".join(train.words[:9]) not in " ".join(test.words)
