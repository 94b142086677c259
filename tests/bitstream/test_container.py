import re
import zlib
from pathlib import Path

import pytest

from alic_tf import errors
from alic_tf.bitstream import container
from alic_tf.bitstream.container import Header, check_size, pack, unpack

EXAMPLE = Header(b"\xa1\xb2\xc3\xd4", 768, 512, quality=24, lanes=2, grey=True, exif=b"MM")
HEADER = Header(b"\xa1\xb2\xc3\xd4", 768, 512, quality=24)
PAYLOAD = b"\x01\x02\x03"


def with_checksum(data):
    return data + zlib.crc32(data).to_bytes(4, "little")


def with_chunks(*listed):
    """A file of 1x1 pixels and the payload "x" with these optional chunks, (kind, content)."""
    head = b"ALIC\x01" + bytes([len(listed) << 4]) + b"abcd\0\x01\x01\x01"
    sizes = b"".join(bytes([ord(kind), len(content)]) for kind, content in listed)
    return with_checksum(head + sizes + b"x" + b"".join(content for _, content in listed))


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        Header(b"\0\0\0\0", 1, 1),
        Header(b"\xff\xff\xff\xff", 32768, 8192, quality=255, lanes=128),
        Header(b"abcd", 300, 127, icc=b"profile" * 100),
        Header(b"abcd", 128, 16383, exif=b"Exif\0\0", grey=True),
        Header(b"abcd", 5, 70, quality=1, lanes=4, icc=b"i", exif=b"e", xmp=b"x"),
        Header(b"abcd", 5, 70, 1, 4, grey=True, alpha=b"alpha", icc=b"icc" * 60, exif=b"e"),
    ],
)
@pytest.mark.parametrize("payload", [b"", PAYLOAD, bytes(range(256)) * 70])
def test_roundtrip(header, payload):
    assert unpack(pack(header, payload)) == (header, payload)


def test_overhead_of_a_kodak_sized_picture():
    assert len(pack(HEADER, bytes(150_000))) - 150_000 == 22
    assert len(pack(HEADER, bytes(16_383))) - 16_383 == 21


def test_example_in_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
    block = re.search(r"## Example.*?```\n(.*?)```", text, re.DOTALL).group(1)
    fields = re.findall(r"^((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}|$)", block, re.MULTILINE)
    data = bytes.fromhex(" ".join(fields))
    assert unpack(data) == (EXAMPLE, PAYLOAD)
    assert pack(EXAMPLE, PAYLOAD) == data


def test_unknown_chunks_are_ignored_or_refused_by_their_letter():
    assert unpack(with_chunks(("e", b"exif"), ("z", b"?"))) == (
        Header(b"abcd", 1, 1, exif=b"exif"),
        b"x",
    )
    for listed in ([("Z", b"?")], [("A", b"a"), ("Z", b"")], [("Z", b""), ("i", b"i")]):
        with pytest.raises(errors.NewerVersion, match="chunk 'Z'"):
            unpack(with_chunks(*listed))


@pytest.mark.parametrize(
    ("listed", "cause"),
    [
        ([("i", b"i"), ("e", b"e")], "order"),
        ([("e", b"1"), ("e", b"2")], "order"),
        ([("z", b""), ("z", b"")], "order"),
        ([("e", b"")], "exif chunk is empty"),
        ([("A", b"")], "alpha chunk is empty"),
    ],
)
def test_impossible_lists_of_chunks_are_malformed(listed, cause):
    with pytest.raises(errors.Malformed, match=cause):
        unpack(with_chunks(*listed))


@pytest.mark.parametrize("name", ["icc", "exif", "xmp"])
def test_large_metadata_is_refused_both_ways(name, monkeypatch):
    header = Header(b"abcd", 1, 1, **{name: bytes(100)})
    monkeypatch.setattr(container, "MAX_METADATA_BYTES", 100)
    data = pack(header, PAYLOAD)
    unpack(data)
    monkeypatch.setattr(container, "MAX_METADATA_BYTES", 99)
    with pytest.raises(errors.LimitExceeded, match=f"{name} metadata of 100 bytes"):
        unpack(data)
    with pytest.raises(errors.LimitExceeded):
        pack(header, PAYLOAD)


def test_every_flipped_bit_is_noticed():
    data = pack(Header(b"abcd", 20, 300, 3, alpha=b"a", icc=b"icc", exif=b"ex"), PAYLOAD)
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            with pytest.raises(errors.AlicError):
                unpack(bytes(damaged))


def test_every_other_value_of_every_byte_is_noticed():
    data = pack(HEADER, PAYLOAD)
    for position in range(len(data)):
        for value in set(range(256)) - {data[position]}:
            with pytest.raises(errors.AlicError):
                unpack(data[:position] + bytes([value]) + data[position + 1 :])


def test_every_truncation_is_named_so():
    data = pack(HEADER, PAYLOAD)
    for length in range(len(data)):
        with pytest.raises(errors.Truncated):
            unpack(data[:length])


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"more data", pack(HEADER, PAYLOAD)])
def test_trailing_bytes_are_refused(tail):
    with pytest.raises(errors.TrailingData, match=f"{len(tail)} bytes"):
        unpack(pack(HEADER, PAYLOAD) + tail)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n" + bytes(50), b"ALI", b"x", b"ALIX", b"ALIC\0"]
)
def test_foreign_data(data):
    expected = errors.Truncated if data == b"ALI" else errors.NotAnAlicFile
    with pytest.raises(expected):
        unpack(data)


def test_newer_version_is_named():
    data = with_checksum(b"ALIC\x02" + pack(HEADER, PAYLOAD)[5:-4])
    with pytest.raises(errors.NewerVersion, match="version 2"):
        unpack(data)


def test_damage_inside_the_payload_is_a_checksum_mismatch():
    data = bytearray(pack(HEADER, PAYLOAD))
    data[-6] ^= 1
    with pytest.raises(errors.ChecksumMismatch):
        unpack(bytes(data))


@pytest.mark.parametrize(
    ("width", "height"), [(32769, 1), (1, 32769), (32768, 8193), (2**34, 2**34)]
)
def test_oversized_pictures_are_refused_both_ways(width, height):
    with pytest.raises(errors.LimitExceeded):
        pack(Header(b"abcd", width, height), PAYLOAD)


def test_a_reader_refuses_a_valid_file_over_its_limits():
    sizes = b"\x80\x80\x80\x01" * 2  # 2097152 x 2097152, well formed and with a good checksum
    data = with_checksum(b"ALIC\x01\0abcd\0" + sizes + b"\x01x")
    with pytest.raises(errors.LimitExceeded, match="2097152x2097152"):
        unpack(data)
    data = pack(HEADER, PAYLOAD)
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
    "changes",
    [
        {"model_id": b"abc"},
        {"quality": 256},
        {"quality": -1},
        {"lanes": 3},
        {"lanes": 256},
        {"width": 0},
    ],
)
def test_pack_refuses_what_the_format_cannot_express(changes):
    fields = {"model_id": b"abcd", "width": 4, "height": 4} | changes
    with pytest.raises(ValueError):
        pack(Header(**fields), PAYLOAD)
