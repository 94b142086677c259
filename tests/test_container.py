import re
import zlib
from pathlib import Path

import pytest

from alic_tf import errors
from alic_tf.container import Header, check_size, pack, unpack

HEADER = Header(model_id=b"\xa1\xb2\xc3\xd4", width=768, height=512, quality=24)
CHUNKS = [b"\x01\x02\x03", b"payload"]


def with_checksum(data):
    return data + zlib.crc32(data).to_bytes(4, "little")


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        Header(b"\0\0\0\0", 1, 1),
        Header(b"\xff\xff\xff\xff", 32768, 8192, quality=255, lanes=128),
        Header(b"abcd", 300, 127, icc=b"profile" * 100),
        Header(b"abcd", 128, 16383, exif=b"Exif\0\0"),
        Header(b"abcd", 5, 70, quality=1, lanes=4, icc=b"i", exif=b"e"),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 8])
def test_roundtrip(header, count):
    chunks = [bytes(range(i % 256)) * i for i in range(count)]
    assert unpack(pack(header, chunks)) == (header, chunks)


def test_overhead_of_a_kodak_sized_picture_is_at_most_24_bytes():
    for chunks in ([bytes(150_000)], [bytes(16_383), bytes(150_000)]):
        assert len(pack(HEADER, chunks)) - sum(map(len, chunks)) <= 24


def test_example_in_the_documentation():
    text = (Path(__file__).parents[1] / "docs" / "format.md").read_text()
    block = re.search(r"## Example.*?```\n(.*?)```", text, re.DOTALL).group(1)
    fields = re.findall(r"^((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}|$)", block, re.MULTILINE)
    data = bytes.fromhex(" ".join(fields))
    assert unpack(data) == (HEADER, CHUNKS)
    assert pack(HEADER, CHUNKS) == data


def test_every_flipped_bit_is_noticed():
    data = pack(Header(b"abcd", 20, 300, 3, icc=b"icc", exif=b"ex"), CHUNKS)
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(errors.AlicError):
                unpack(bytes(damaged))


def test_every_other_value_of_every_byte_is_noticed():
    data = pack(HEADER, CHUNKS)
    for position in range(len(data)):
        for value in set(range(256)) - {data[position]}:
            with pytest.raises(errors.AlicError):
                unpack(data[:position] + bytes([value]) + data[position + 1 :])


def test_every_truncation_is_named_so():
    data = pack(HEADER, CHUNKS)
    for length in range(len(data)):
        with pytest.raises(errors.Truncated):
            unpack(data[:length])


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"more data", pack(HEADER, CHUNKS)])
def test_trailing_bytes_are_refused(tail):
    with pytest.raises(errors.TrailingData, match=f"{len(tail)} bytes"):
        unpack(pack(HEADER, CHUNKS) + tail)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n" + bytes(50), b"ALI", b"x", b"ALIX", b"ALIC\0"]
)
def test_foreign_data(data):
    expected = errors.Truncated if data == b"ALI" else errors.NotAnAlicFile
    with pytest.raises(expected):
        unpack(data)


def test_newer_version_is_named():
    data = with_checksum(b"ALIC\x02" + pack(HEADER, CHUNKS)[5:-4])
    with pytest.raises(errors.NewerVersion, match="version 2"):
        unpack(data)


def test_damage_inside_the_payload_is_a_checksum_mismatch():
    data = bytearray(pack(HEADER, CHUNKS))
    data[-6] ^= 1
    with pytest.raises(errors.ChecksumMismatch):
        unpack(bytes(data))


@pytest.mark.parametrize(
    ("width", "height"), [(32769, 1), (1, 32769), (32768, 8193), (2**34, 2**34)]
)
def test_oversized_pictures_are_refused_both_ways(width, height):
    with pytest.raises(errors.LimitExceeded):
        pack(Header(b"abcd", width, height), CHUNKS)


def test_a_reader_refuses_a_valid_file_over_its_limits():
    sizes = b"\x80\x80\x80\x01" * 2  # 2097152 x 2097152, well formed and with a good checksum
    data = with_checksum(b"ALIC\x01\0abcd\0" + sizes + b"\x01x")
    with pytest.raises(errors.LimitExceeded, match="2097152x2097152"):
        unpack(data)
    data = pack(HEADER, CHUNKS)
    unpack(data, max_side=768, max_pixels=768 * 512)
    with pytest.raises(errors.LimitExceeded):
        unpack(data, max_side=767)
    with pytest.raises(errors.LimitExceeded):
        unpack(data, max_pixels=768 * 512 - 1)


def test_limits_are_inclusive():
    check_size(32768, 8192)


@pytest.mark.parametrize(
    "sizes", [b"\0\x01", b"\x01\0", b"\x81\0\x01", b"\xff\xff\xff\xff\xff\x01\x01"]
)
def test_impossible_numbers_are_malformed(sizes):
    with pytest.raises(errors.Malformed):
        unpack(with_checksum(b"ALIC\x01\0abcd\0" + sizes + b"\x01x"))


def test_a_gigantic_length_allocates_nothing():
    data = with_checksum(b"ALIC\x01\0abcd\0\x01\x01" + b"\xff\xff\xff\xff\x7f" + b"x")
    with pytest.raises(errors.Truncated):
        unpack(data)


@pytest.mark.parametrize(
    ("changes", "chunks"),
    [
        ({"model_id": b"abc"}, CHUNKS),
        ({"quality": 256}, CHUNKS),
        ({"quality": -1}, CHUNKS),
        ({"lanes": 3}, CHUNKS),
        ({"lanes": 256}, CHUNKS),
        ({"width": 0}, CHUNKS),
        ({}, []),
        ({}, [b""] * 9),
    ],
)
def test_pack_refuses_what_the_format_cannot_express(changes, chunks):
    fields = {"model_id": b"abcd", "width": 4, "height": 4} | changes
    with pytest.raises(ValueError):
        pack(Header(**fields), chunks)
