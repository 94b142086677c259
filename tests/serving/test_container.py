"""Reading and writing .alic files in TensorFlow operations, against `bitstream.container`."""

import zlib
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from alic_tf import errors
from alic_tf.bitstream import container
from alic_tf.serving import byte_strings, lanes
from alic_tf.serving import container as graph
from alic_tf.serving.crc32 import crc32

CODEC = SimpleNamespace(model_id=b"abcd", name="tiny", qualities=8)
HEADER = container.Header(b"abcd", 300, 127, quality=24, lanes=4, grey=True, alpha=b"plane")
PAYLOAD = bytes(range(256))
unpack = tf.function(
    lambda string: graph.unpack(string, CODEC, container.MAX_PIXELS), autograph=False,
    input_signature=[tf.TensorSpec([], tf.string)])


def with_checksum(data):
    return data + zlib.crc32(data).to_bytes(4, "little")


def with_chunks(*listed):
    """A file of 1x1 pixels and the payload "x" with these optional chunks, (kind, content)."""
    head = b"ALIC\x01" + bytes([len(listed) << 4]) + b"abcd\0\x01\x01\x01"
    sizes = b"".join(bytes([ord(kind), len(content)]) for kind, content in listed)
    return with_checksum(head + sizes + b"x" + b"".join(content for _, content in listed))


def cause(data):
    """Why the graph refuses a file."""
    return unpack(data)[0].numpy().decode()


def test_checksums():
    rng = np.random.default_rng(0)
    function = tf.function(lambda s: crc32(byte_strings.from_string(s)), autograph=False,
                           input_signature=[tf.TensorSpec([], tf.string)])
    for size in (*range(4, 20), 255, 256, 257, 99_999):
        data = rng.bytes(size)
        assert function(data).numpy() == zlib.crc32(data)


def test_files_are_read():
    for header in (HEADER, container.Header(b"abcd", 1, 16384), container.Header(
            b"abcd", 128, 5, quality=56, lanes=128, exif=b"exif", icc=b"icc" * 99)):
        data = container.pack(header, PAYLOAD)
        wrong, found = unpack(data)
        assert wrong == b"" and found.payload.numpy().tolist() == list(PAYLOAD)
        for field, value in (("width", header.width), ("height", header.height),
                             ("step", header.quality), ("lanes", header.lanes),
                             ("grey", header.grey)):
            assert getattr(found, field).numpy() == value
        assert found.alpha.numpy() == header.alpha
    # Kinds that may be ignored can come before alpha.
    wrong, found = unpack(with_chunks(("!", b"?"), ("A", b"alpha"), ("e", b"exif"), ("z", b"?")))
    assert wrong == b"" and found.alpha.numpy() == b"alpha"


def test_files_are_written():
    payload = tf.constant(list(PAYLOAD), tf.int64)
    for width, height, step, lanes_, grey, alpha in (
            (300, 127, 24, 4, True, b""), (1, 16384, 0, 1, False, b"plane"),
            (128, 16383, 56, 128, False, bytes(300))):
        header = graph.Header(*(tf.constant(n, tf.int64) for n in (width, height, step, lanes_)),
                              tf.constant(grey), payload, tf.constant(alpha))
        assert graph.pack(header, b"abcd").numpy() == container.pack(
            container.Header(b"abcd", width, height, step, lanes_, grey, alpha), PAYLOAD)


def test_refuses_what_the_program_refuses_and_says_why():
    good = container.pack(HEADER, PAYLOAD)
    rng = np.random.default_rng(0)
    damaged = [good[:size] for size in (*range(len(good[:25])), 100, len(good) - 1)]
    damaged += [good + b"\0", b"PNG", b"ALIC\0" + good[5:], b"ALIC\x02" + good[5:]]
    damaged += [with_checksum(good[:11] + sizes + b"x") for sizes in (
        b"\0\x01\x01", b"\x01\x80\0\x01", b"\x80\x80\x80\x80\x80\0\x01\x01", b"\x81\x80\2\1\1",
        b"\x80\x80\2\x80\x80\2\1")]
    for _ in range(60):
        flipped = bytearray(good)
        flipped[rng.integers(len(good))] ^= 1 << rng.integers(8)
        damaged.append(bytes(flipped))
    for data in damaged:
        with pytest.raises(errors.AlicError) as caught:
            container.unpack(data)
        assert cause(data) == str(caught.value).removeprefix("in the header, ")


@pytest.mark.parametrize(("data", "expected"), [
    (with_chunks(("i", b"i"), ("e", b"e")), "order of their kinds"),
    (with_chunks(("e", b"1"), ("e", b"2")), "order of their kinds"),
    (with_chunks(("e", b"")), "chunk is empty"),
    (with_chunks(("Z", b"?")), "may not be ignored"),
    (with_chunks(("A", b"")), "chunk is empty"),
    (container.pack(container.Header(b"abce", 1, 1), b"x"), "not written with tiny"),
    (container.pack(container.Header(b"abcd", 1, 1, quality=57), b"x"), "quality step 57"),
])
def test_refuses_chunks_and_models(data, expected):
    assert expected in cause(data)


@pytest.mark.parametrize("count", [1, 2, 128])
def test_lanes(count):
    rng = np.random.default_rng(count)
    strings = [rng.bytes(n) for n in rng.integers(0, 400, count)]
    ragged = tf.ragged.constant([list(s) for s in strings], tf.int64)
    size = sum(map(len, strings))
    payload = lanes.pack(ragged, size - 1)
    find = tf.function(lanes.find, autograph=False)
    wrong, (starts, lengths) = find(payload, np.int64(0), np.int64(count), size)
    assert wrong == b""
    data = bytes(payload.numpy().tolist())
    assert [data[a:a + n] for a, n in zip(starts.numpy(), lengths.numpy())] == strings
    if count > 1:
        wrong, _ = find(payload[:count // 2], np.int64(0), np.int64(count), 0)
        assert b"lanes" in wrong.numpy()
    wrong, _ = find(payload, np.int64(0), np.int64(count), size + 1)
    assert b"too short for its picture" in wrong.numpy()
    payload = lanes.pack(ragged, size + 5)
    _, (starts, lengths) = find(payload, np.int64(0), np.int64(count), size + 5)
    assert payload.numpy()[-5:].tolist() == [0] * 5
    assert starts.numpy()[-1] + lengths.numpy()[-1] == len(payload)
