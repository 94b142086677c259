"""A little of what `python -m tests.fuzz --target served` tries."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from alic_tf import errors
from tests.fuzz.served import Target
from tests.serving.conftest import MAX_PIXELS


@pytest.fixture(scope="module")
def target(served):
    return Target(served.codec, MAX_PIXELS, served.signatures)


def test_any_bytes_are_answered(target):
    outcomes = Counter(target.outcome(target.mutant(np.random.default_rng([1, number])))
                       for number in range(60))
    assert outcomes["outputs"] > 10 and outcomes["refused"] > 10


def test_good_files_are_good(target):
    assert {target.outcome(data) for data in target.good[::3]} == {target.success}


@pytest.mark.parametrize("planted", [{"error": tf.constant([b"wrong"])}, {
    "alic_bytes": tf.constant([b"?"])}])
def test_what_is_wrong_is_found(served, target, planted):
    def encode(**inputs):
        return {**served.signatures["encode"](**inputs), **planted}

    faulty = Target(served.codec, MAX_PIXELS, {**served.signatures, "encode": encode})
    with pytest.raises((AssertionError, errors.NotAnAlicFile)):
        faulty.outcome(target.pictures[0])
