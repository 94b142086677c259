"""The .alic file: a header, the coded payload, optional chunks and a checksum (docs/format.md).

Pure Python on bytes: a file can be checked and described without loading a model.
"""

import zlib
from dataclasses import dataclass

from alic_tf import errors
from alic_tf.bitstream import varint

MAGIC = b"ALIC"
VERSION = 1
# Later versions will be smaller: what goes on with a letter is a text that begins like a file.
VERSIONS_END = 0x20
START_BYTES = len(MAGIC) + 1
MODEL_ID_BYTES = 4
CRC_BYTES = 4
MAX_SIDE = 32768
MAX_PIXELS = 2**28
MAX_LANES = 2**7
MAX_METADATA_BYTES = 2**24
GREY = 1 << 3
CHUNKS_SHIFT = 4
# Kind of an optional chunk -> field of the header. As in PNG, a reader may ignore a kind that it
# does not know if its letter is small, that is, if this bit is set; a capital is critical.
CHUNKS = {ord("A"): "alpha", ord("e"): "exif", ord("i"): "icc", ord("x"): "xmp"}
ANCILLARY = 0x20


@dataclass(frozen=True)
class Header:
    """What a file says about itself.

    Attributes:
        model_id: 4 bytes that identify the model's weights and tables.
        width, height: size of the picture in pixels.
        quality: 0..255, in the model's own steps; 0 for a model with a single rate.
        lanes: number of interleaved strings a pass is coded in, a power of two up to 128.
        grey: whether the picture has one channel; it is coded as three equal ones.
        alpha: the coded alpha plane, empty when absent; see `alic_tf.pictures.alpha`.
        exif, icc, xmp: opaque metadata, empty when absent.
    """

    model_id: bytes
    width: int
    height: int
    quality: int = 0
    lanes: int = 1
    grey: bool = False
    alpha: bytes = b""
    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""


def pack(header, payload):
    """Returns the bytes of a file.

    Arguments:
        header: a `Header`.
        payload: bytes, which mean something to the model.

    Raises:
        LimitExceeded: the picture or its metadata is larger than readers accept by default.
        ValueError: a field is outside what the format can express.
    """
    if len(header.model_id) != MODEL_ID_BYTES:
        raise ValueError(f"model_id must have {MODEL_ID_BYTES} bytes, not {len(header.model_id)}")
    if not 0 <= header.quality <= 255:
        raise ValueError(f"quality must be in 0..255, not {header.quality}")
    if header.lanes not in (2**i for i in range(8)):
        raise ValueError(f"lanes must be a power of two in 1..{MAX_LANES}, not {header.lanes}")
    if min(header.width, header.height) < 1:
        raise ValueError(f"the picture must not be empty, is {header.width}x{header.height}")
    check_size(header.width, header.height)
    chunks = {kind: getattr(header, name) for kind, name in CHUNKS.items()}
    chunks = {kind: chunk for kind, chunk in chunks.items() if chunk}
    _check_metadata(chunks)

    flags = (
        (header.lanes.bit_length() - 1)
        | (GREY if header.grey else 0)
        | len(chunks) << CHUNKS_SHIFT
    )
    data = b"".join(
        [
            MAGIC,
            bytes([VERSION, flags]),
            header.model_id,
            bytes([header.quality]),
            *map(varint.pack, (header.width, header.height, len(payload))),
            *(bytes([kind]) + varint.pack(len(chunk)) for kind, chunk in chunks.items()),
            payload,
            *chunks.values(),
        ]
    )
    return data + zlib.crc32(data).to_bytes(CRC_BYTES, "little")


def unpack(data, max_side=MAX_SIDE, max_pixels=MAX_PIXELS):
    """Returns (Header, payload) of a file's bytes, all of them checked.

    Arguments:
        data: the whole file; see `as_bytes`.
        max_side, max_pixels: larger pictures are refused.

    Raises:
        NotAnAlicFile, NewerVersion, Truncated, TrailingData, ChecksumMismatch, Malformed,
        LimitExceeded: see `alic_tf.errors`.
    """
    data = as_bytes(data)
    reader = _Reader(data)
    check_start(data)
    reader.position = len(MAGIC) + 1
    flags = reader.take(1)[0]
    model_id = reader.take(MODEL_ID_BYTES)
    quality = reader.take(1)[0]
    width, height, payload_size = (reader.varint() for _ in range(3))
    listed = [(reader.take(1)[0], reader.varint()) for _ in range(flags >> CHUNKS_SHIFT)]

    # Lengths first (they tell truncation from damage), then the checksum, and only then the
    # fields' meaning: a flipped bit must not be reported as a picture of impossible size.
    end = reader.position + payload_size + sum(size for _, size in listed) + CRC_BYTES
    if len(data) < end:
        raise errors.Truncated(f"truncated: {len(data)} of {end} bytes")
    if len(data) > end:
        raise errors.TrailingData(f"{len(data) - end} bytes follow the end of the file's content")
    stored = int.from_bytes(data[-CRC_BYTES:], "little")
    if zlib.crc32(memoryview(data)[:-CRC_BYTES]) != stored:
        raise errors.ChecksumMismatch("checksum mismatch: the file is damaged")
    sizes = _chunk_sizes(listed)
    if min(width, height) < 1:
        raise errors.Malformed(f"the header gives a picture of {width}x{height} pixels")
    check_size(width, height, max_side, max_pixels)

    payload = reader.take(payload_size)
    chunks = {kind: reader.take(size) for kind, size in sizes.items()}
    _check_metadata(chunks)
    fields = {name: chunks[kind] for kind, name in CHUNKS.items() if kind in chunks}
    lanes, grey = 1 << (flags & 0b111), bool(flags & GREY)
    return Header(model_id, width, height, quality, lanes, grey, **fields), payload


def as_bytes(data):
    """The bytes of a file: bytes, bytearray, memoryview, or a string of numpy or TensorFlow.

    Raises:
        TypeError: something else.
    """
    given = data
    if hasattr(data, "numpy"):
        data = data.numpy()
    if hasattr(data, "item") and not getattr(data, "ndim", 0):
        data = data.item()
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(
        f"data must be the bytes of an .alic file, not {type(given).__name__}"
        + ("; for paths there are alic_tf.decode and alic_tf.info" * isinstance(data, str))
    )


def described(header, payload, size):
    """What a `Header` says, as a dictionary for people, of a file of `size` bytes.

    width, height, grey, step (of the quality), lanes; bytes of the whole file and, as payload,
    alpha, exif, icc and xmp, of its parts; bpp, bits per pixel.
    """
    return {
        **{name: getattr(header, name) for name in ("width", "height", "grey", "lanes")},
        "step": header.quality,
        "bytes": size,
        "payload": len(payload),
        **{name: len(getattr(header, name)) for name in CHUNKS.values()},
        "bpp": 8 * size / (header.width * header.height),
    }


def accepts(prefix):
    """Whether data that begin like this, with 5 bytes or more, may be an .alic file."""
    try:
        check_start(prefix)
    except errors.NewerVersion:
        return True
    except errors.AlicError:
        return False
    return True


def check_size(width, height, max_side=MAX_SIDE, max_pixels=MAX_PIXELS):
    """Raises LimitExceeded if a picture of this size is over the limits."""
    if max(width, height) > max_side:
        raise errors.LimitExceeded(f"{width}x{height}: a side is over the limit of {max_side}")
    if width * height > max_pixels:
        raise errors.LimitExceeded(f"{width}x{height} is over the limit of {max_pixels} pixels")


def _chunk_sizes(listed):
    """Returns {kind: size} of the optional chunks; raises unless they may be in one file."""
    sizes = dict(listed)
    if list(sizes) != sorted(sizes) or len(sizes) < len(listed):
        raise errors.Malformed("the optional chunks are not in the order of their kinds")
    for kind, size in listed:
        if kind not in CHUNKS and not kind & ANCILLARY:
            raise errors.NewerVersion(
                f"needs a newer program: chunk {chr(kind)!r} is unknown and may not be ignored"
            )
        if kind in CHUNKS and not size:
            raise errors.Malformed(f"the {CHUNKS[kind]} chunk is empty")
    return sizes


def _check_metadata(chunks):
    for kind in map(ord, "eix"):
        size = len(chunks.get(kind, b""))
        if size > MAX_METADATA_BYTES:
            limit = f"over the limit of {MAX_METADATA_BYTES} bytes"
            raise errors.LimitExceeded(f"{CHUNKS[kind]} metadata of {size} bytes is {limit}")


def check_start(data):
    """Checks that the data begin with the magic and a version this program reads.

    Raises:
        NotAnAlicFile, NewerVersion, Truncated: see `alic_tf.errors`.
    """
    if not data:
        raise errors.Truncated("the file is empty")
    if not MAGIC.startswith(data[: len(MAGIC)]):
        raise errors.NotAnAlicFile("not an .alic file")
    if len(data) <= len(MAGIC):
        raise errors.Truncated(f"truncated: only {len(data)} bytes")
    version = data[len(MAGIC)]
    if version == 0 or version >= VERSIONS_END:
        raise errors.NotAnAlicFile(f"not an .alic file (version {version} does not exist)")
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
            raise self._truncated()
        taken = bytes(self.data[self.position : end])
        self.position = end
        return taken

    def _truncated(self):
        return errors.Truncated(f"truncated inside its header: only {len(self.data)} bytes")

    def varint(self):
        try:
            value, self.position = varint.unpack(self.data, self.position)
        except IndexError:
            raise self._truncated() from None
        except ValueError as error:
            raise errors.Malformed(f"in the header, {error}") from error
        return value
