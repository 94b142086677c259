"""The .alic file: a header, the coded payload, optional metadata and a checksum (docs/format.md).

Pure Python on bytes: a file can be checked and described without loading a model.
"""

import zlib
from dataclasses import dataclass

from alic_tf import errors

MAGIC = b"ALIC"
VERSION = 1
MODEL_ID_BYTES = 4
CRC_BYTES = 4
MAX_SIDE = 32768
MAX_PIXELS = 2**28
MAX_LANES = 2**7
MAX_CHUNKS = 8
_HAS_ICC = 1 << 3
_HAS_EXIF = 1 << 4
_CHUNKS_SHIFT = 5
_VARINT_BYTES = 5


@dataclass(frozen=True)
class Header:
    """What a file says about itself.

    Attributes:
        model_id: 4 bytes that identify the model's weights and tables.
        width, height: size of the picture in pixels.
        quality: 0..255, in the model's own steps; 0 for a model with a single rate.
        lanes: number of interleaved strings a pass is coded in, a power of two up to 128.
        icc, exif: opaque metadata, empty when absent.
    """

    model_id: bytes
    width: int
    height: int
    quality: int = 0
    lanes: int = 1
    icc: bytes = b""
    exif: bytes = b""


def pack(header, chunks):
    """Returns the bytes of a file.

    Arguments:
        header: a `Header`.
        chunks: 1 to 8 byte strings, the payload; their meaning belongs to the model.

    Raises:
        LimitExceeded: the picture is larger than any reader accepts by default.
        ValueError: a field is outside what the format can express.
    """
    if len(header.model_id) != MODEL_ID_BYTES:
        raise ValueError(f"model_id must have {MODEL_ID_BYTES} bytes, not {len(header.model_id)}")
    if not 0 <= header.quality <= 255:
        raise ValueError(f"quality must be in 0..255, not {header.quality}")
    if header.lanes not in (2**i for i in range(8)):
        raise ValueError(f"lanes must be a power of two in 1..{MAX_LANES}, not {header.lanes}")
    if not 1 <= len(chunks) <= MAX_CHUNKS:
        raise ValueError(f"there must be 1..{MAX_CHUNKS} chunks, not {len(chunks)}")
    if min(header.width, header.height) < 1:
        raise ValueError(f"the picture must not be empty, is {header.width}x{header.height}")
    check_size(header.width, header.height)

    flags = (
        (header.lanes.bit_length() - 1)
        | (_HAS_ICC if header.icc else 0)
        | (_HAS_EXIF if header.exif else 0)
        | (len(chunks) - 1) << _CHUNKS_SHIFT
    )
    parts = [*chunks, *(extra for extra in (header.icc, header.exif) if extra)]
    numbers = [header.width, header.height, *(len(part) for part in parts)]
    data = b"".join(
        [
            MAGIC,
            bytes([VERSION, flags]),
            header.model_id,
            bytes([header.quality]),
            *(_varint(number) for number in numbers),
            *parts,
        ]
    )
    return data + zlib.crc32(data).to_bytes(CRC_BYTES, "little")


def unpack(data, max_side=MAX_SIDE, max_pixels=MAX_PIXELS):
    """Returns (Header, list of payload chunks) of a file's bytes, all of them checked.

    Arguments:
        data: the whole file.
        max_side, max_pixels: larger pictures are refused.

    Raises:
        NotAnAlicFile, NewerVersion, Truncated, TrailingData, ChecksumMismatch, Malformed,
        LimitExceeded: see `alic_tf.errors`.
    """
    reader = _Reader(data)
    _check_start(data)
    reader.position = len(MAGIC) + 1
    flags = reader.take(1)[0]
    model_id = reader.take(MODEL_ID_BYTES)
    quality = reader.take(1)[0]
    width, height = reader.varint(), reader.varint()
    chunks = (flags >> _CHUNKS_SHIFT) + 1
    extras = [bool(flags & bit) for bit in (_HAS_ICC, _HAS_EXIF)]
    lengths = [reader.varint() for _ in range(chunks + sum(extras))]

    # Lengths first (they tell truncation from damage), then the checksum, and only then the
    # fields' meaning: a flipped bit must not be reported as a picture of impossible size.
    end = reader.position + sum(lengths) + CRC_BYTES
    if len(data) < end:
        raise errors.Truncated(f"truncated: {len(data)} of {end} bytes")
    if len(data) > end:
        raise errors.TrailingData(f"{len(data) - end} bytes follow the end of the file's content")
    stored = int.from_bytes(data[-CRC_BYTES:], "little")
    if zlib.crc32(memoryview(data)[:-CRC_BYTES]) != stored:
        raise errors.ChecksumMismatch("checksum mismatch: the file is damaged")
    if min(width, height) < 1:
        raise errors.Malformed(f"the header gives a picture of {width}x{height} pixels")
    check_size(width, height, max_side, max_pixels)

    parts = [reader.take(length) for length in lengths]
    metadata = iter(parts[chunks:])
    icc, exif = (next(metadata) if present else b"" for present in extras)
    lanes = 1 << (flags & 0b111)
    return Header(model_id, width, height, quality, lanes, icc, exif), parts[:chunks]


def check_size(width, height, max_side=MAX_SIDE, max_pixels=MAX_PIXELS):
    """Raises LimitExceeded if a picture of this size is over the limits."""
    if max(width, height) > max_side:
        raise errors.LimitExceeded(f"{width}x{height}: a side is over the limit of {max_side}")
    if width * height > max_pixels:
        raise errors.LimitExceeded(f"{width}x{height} is over the limit of {max_pixels} pixels")


def _check_start(data):
    """Raises unless the data begin with the magic and a version this program reads."""
    if not data:
        raise errors.Truncated("the file is empty")
    if not MAGIC.startswith(data[: len(MAGIC)]):
        raise errors.NotAnAlicFile("not an .alic file")
    if len(data) <= len(MAGIC):
        raise errors.Truncated(f"truncated: only {len(data)} bytes")
    version = data[len(MAGIC)]
    if version == 0:
        raise errors.NotAnAlicFile("not an .alic file (version 0 does not exist)")
    if version > VERSION:
        raise errors.NewerVersion(f"newer format version {version}; this program reads {VERSION}")


class _Reader:
    """Takes fields off the front of a byte string."""

    def __init__(self, data):
        self.data = data
        self.position = 0

    def take(self, count):
        end = self.position + count
        if end > len(self.data):
            raise errors.Truncated(f"truncated inside its header: only {len(self.data)} bytes")
        taken = bytes(self.data[self.position : end])
        self.position = end
        return taken

    def varint(self):
        value = 0
        for i in range(_VARINT_BYTES):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                if byte == 0 and i:
                    raise errors.Malformed("a number in the header is not in its shortest form")
                return value
        raise errors.Malformed("a number in the header is too long")


def _varint(value):
    """Unsigned LEB128: seven bits a byte, the low ones first; the top bit says "more follow"."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
