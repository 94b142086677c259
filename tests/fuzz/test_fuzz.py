"""Any bytes end in a picture or a typed error: a little of what `python -m tests.fuzz` tries."""

import dataclasses
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alic_tf import errors
from alic_tf.bitstream import container, varint
from alic_tf.integer import model as exact
from alic_tf.integer.coder import LARGEST_SYMBOL, SymbolDecoder, SymbolEncoder
from alic_tf.integer.mixture import IntegerMixture
from alic_tf.integer.tables import LEVELS, IntegerTables
from alic_tf.networks import presets
from tests.fuzz import __main__ as command
from tests.fuzz import checkpoints, models, planes, shards
from tests.fuzz import settings as settings_of_trainings
from tests.fuzz.judge import judge
from tests.fuzz.streams import KINDS, SIDES, Stream, corpus, mutant
from tests.tiny_models import codec, tiny_dwan, tiny_fu2022, tiny_resgdn
from tests.training import tiny

MAX_PIXELS = 2**16
TABLES = IntegerTables.generate()


def examples(count):
    """Settings of a test that always tries the same examples, however slow the machine."""
    return settings(max_examples=count, derandomize=True, database=None, deadline=None)


@pytest.fixture(scope="module", params=[tiny_dwan, tiny_fu2022, tiny_resgdn])
def coded(request):
    """(codec, good files)."""
    made = codec(request.param())
    return made, corpus(made)


def test_mutants(coded):
    made, files = coded
    outcomes = Counter(
        judge(made, mutant(files, np.random.default_rng([1, number])), MAX_PIXELS)
        for number in range(100))
    # The mutations reach everything, the payload decoder first of all.
    assert outcomes["image"] > 20 and outcomes["Malformed"] > 10 and len(outcomes) > 6


def test_every_flipped_payload_bit_is_reported(coded):
    made, files = coded
    data = min(files, key=len)
    _, payload = container.unpack(data)
    start = data.index(payload)
    for position in range(start, start + len(payload)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(errors.ChecksumMismatch):
                made.decode(bytes(damaged))


@pytest.fixture(scope="module")
def one_codec():
    return codec(tiny_dwan())


numbers = st.integers(0, 2**35 - 1)
streams = st.builds(
    lambda payload, chunks, **fields: Stream(
        lengths=(len(payload), *(len(chunk) for _, chunk in chunks)),
        kinds=bytes(kind for kind, _ in chunks), parts=(payload, *(chunk for _, chunk in chunks)),
        **{**fields, "flags": fields["flags"] | len(chunks) << 4}),
    version=st.just(1) | st.integers(0, 255), flags=st.integers(0, 15),
    model_id=st.just(b"tiny") | st.binary(min_size=4, max_size=4), quality=st.integers(0, 255),
    width=st.integers(1, 256) | st.sampled_from(SIDES) | numbers,
    height=st.integers(1, 256) | st.sampled_from(SIDES) | numbers,
    payload=st.binary(max_size=100),
    chunks=st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.binary(max_size=40)), max_size=3))


@examples(200)
@given(streams)
def test_any_fields(one_codec, stream):
    """And what a reader accepts has no second form, unless it holds chunks of kinds unknown."""
    data = stream.pack()
    judge(one_codec, data, MAX_PIXELS)
    try:
        header, payload = container.unpack(data)
    except errors.AlicError:
        return
    if set(stream.kinds) <= set(b"Aei"):
        assert container.pack(header, payload) == data


@examples(300)
@given(st.binary(max_size=80))
def test_any_bytes_after_the_magic(rest):
    with pytest.raises(errors.AlicError):
        container.unpack(b"ALIC" + rest)


@examples(100)
@given(
    st.builds(container.Header, st.binary(min_size=4, max_size=4), st.integers(1, 8192),
              st.integers(1, 8192), st.integers(0, 255), st.sampled_from([1, 2, 64, 128]),
              st.booleans(), st.binary(max_size=9), st.binary(max_size=9), st.binary(max_size=9)),
    st.binary(max_size=300))
def test_containers_hold_what_was_packed(header, payload):
    assert container.unpack(container.pack(header, payload)) == (header, payload)


@examples(200)
@given(st.binary(max_size=7))
def test_numbers_have_one_form(data):
    try:
        value, end = varint.unpack(data, 0)
    except (IndexError, ValueError):
        return
    assert varint.pack(value) == data[:end]


@examples(100)
@given(numbers)
def test_numbers(value):
    data = varint.pack(value)
    assert varint.unpack(b"x" + data + b"x", 1) == (value, 1 + len(data))


@examples(100)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=16), st.binary(max_size=3))
def test_strings_of_lanes(strings, before):
    payload = b"".join([before, *exact._pack_lengths(strings), *strings])
    assert exact._unpack_strings(payload, len(before), len(strings)) == strings


@examples(60)
@given(st.lists(st.tuples(st.integers(-LARGEST_SYMBOL, LARGEST_SYMBOL) | st.integers(-3, 3),
                          st.integers(-(2**24), 2**24) | st.integers(-9000, 9000),
                          st.integers(0, LEVELS - 1)), max_size=60))
def test_any_symbols_under_any_gaussians(elements):
    symbols, means, levels = np.array(elements, "int64").reshape(-1, 3).T
    mixture = IntegerMixture(TABLES, ("gaussian",), means[None], levels[None])
    encoder = SymbolEncoder()
    encoder.encode_mixture(symbols, mixture)
    decoded = SymbolDecoder(encoder.finish()).decode_mixture(mixture)
    np.testing.assert_array_equal(decoded, symbols)


class Faulty:
    """A codec that fails in a given way once it has decoded the good files."""

    def __init__(self, good, fault):
        self.good, self.fault, self.calls = good, fault, 0

    def __getattr__(self, name):
        return getattr(self.good, name)

    def decode_picture(self, data):
        self.calls += 1
        if self.calls > 30:
            self.fault()
        return self.good.decode_picture(data)


@pytest.mark.parametrize("planted, word", [
    ("exception", "IndexError: planted"), ("delay", "took"), ("memory", "memory"), (None, None)])
def test_the_command_finds_what_is_planted(one_codec, planted, word, monkeypatch, tmp_path, capsys):
    memory = [500.0]

    def fault():
        begin = time.process_time()
        if planted == "exception":
            raise IndexError("planted")
        if planted == "delay":
            while time.process_time() < begin + 0.1:
                pass
        if planted == "memory":
            memory[0] = 1100.0

    monkeypatch.setattr(command, "load", lambda name: Faulty(one_codec, fault))
    monkeypatch.setattr("tests.fuzz.judge.peak_megabytes", lambda: memory[0])
    limit = 0.1 if planted == "delay" else 60
    code = command.run(["fuzz", "--streams=20", f"--out={tmp_path}", f"--max_seconds={limit}"])
    kept, said = list(tmp_path.iterdir()), capsys.readouterr().out
    assert code == bool(word) == bool(kept)
    if word:
        assert word in said
        number = int(kept[0].stem.split("_")[-1])
        assert kept[0].read_bytes() == mutant(corpus(one_codec), np.random.default_rng([0, number]))
    assert "20 streams" in said


TARGETS = {
    "models": (lambda: models.Target([presets.build("fu2022", tiny.BARE)]), 6),
    "planes": (planes.Target, 300),
    "shards": (shards.Target, 60),
    "checkpoints": (checkpoints.Target, 40),
    "settings": (settings_of_trainings.Target, 25),
}


@pytest.mark.parametrize("name", TARGETS)
def test_other_inputs(name):
    """Each ends as a good one or in a typed error; there are some of both."""
    make, count = TARGETS[name]
    target = make()
    assert {target.outcome(data) for data in target.good} == {target.success}
    outcomes = Counter(
        target.outcome(target.mutant(np.random.default_rng([4, number])))
        for number in range(count))
    assert 0 < outcomes[target.success] < count and set(outcomes) - {target.success}


def test_streams_are_taken_apart_as_the_container_does(coded):
    for data in coded[1]:
        stream, (header, payload) = Stream.of(data), container.unpack(data)
        assert (stream.width, stream.height) == (header.width, header.height)
        assert stream.parts[0] == payload and stream.quality == header.quality
        other = dataclasses.replace(stream, width=stream.width + 1).pack()
        assert container.unpack(other)[0].width == header.width + 1
