"""Files that nobody encoded: mutations of good ones, of their bytes and of their parts."""

import struct
import zlib
from dataclasses import dataclass, replace

import numpy as np

from alic_tf.bitstream import container, varint
from tests.fuzz.judge import judge

SIDES = (0, 1, 2, 63, 64, 65, 127, 128, 129, 192, 256, 257, container.MAX_SIDE,
         container.MAX_SIDE + 1, 2**28, 2**31, 2**35 - 1)
NUMBERS = (0, 1, 127, 128, 16383, 16384, 2**21, 2**28, 2**32 - 1, 2**35 - 1)
KINDS = b"AeixXZ\0\xff"


@dataclass(frozen=True)
class Stream:
    """A file taken apart. All fields may be wrong, but for the checksum, which `pack` adds."""

    version: int
    flags: int
    model_id: bytes
    quality: int
    width: int
    height: int
    lengths: tuple
    kinds: bytes
    parts: tuple

    @classmethod
    def of(cls, data):
        """Takes a good file apart."""
        flags, quality = data[5], data[10]
        numbers, kinds, position = [], [], 11
        for _ in range(3):
            number, position = varint.unpack(data, position)
            numbers.append(number)
        for _ in range(flags >> 4):
            kinds.append(data[position])
            number, position = varint.unpack(data, position + 1)
            numbers.append(number)
        width, height, *lengths = numbers
        parts = []
        for length in lengths:
            parts.append(data[position:position + length])
            position += length
        stream = cls(data[4], flags, data[6:10], quality, width, height, tuple(lengths),
                     bytes(kinds), tuple(parts))
        assert stream.pack() == data
        return stream

    def pack(self):
        """The bytes of the file."""
        data = b"".join([
            b"ALIC", bytes([self.version, self.flags]), self.model_id, bytes([self.quality]),
            varint.pack(self.width), varint.pack(self.height), varint.pack(self.lengths[0]),
            *(bytes([kind]) + varint.pack(length)
              for kind, length in zip(self.kinds, self.lengths[1:])),
            *self.parts])
        return with_checksum(data)

    def with_parts(self, parts):
        """Other parts, with lengths that are theirs."""
        return replace(self, parts=tuple(parts), lengths=tuple(map(len, parts)))


def with_checksum(data):
    return data + zlib.crc32(data).to_bytes(4, "little")


def mutant(corpus, rng):
    """A mutation of one of the files.

    Args:
        corpus: list of good files.
        rng: numpy generator that decides.
    """
    data = corpus[rng.integers(len(corpus))]
    style = rng.choice(3, p=[0.15, 0.2, 0.65])
    if style == 0:
        return damaged(data, corpus, rng)
    if style == 1:
        return with_checksum(damaged(data[:-4], corpus, rng))
    stream = Stream.of(data)
    for _ in range(rng.geometric(0.5)):
        stream = _MUTATIONS[rng.integers(len(_MUTATIONS))](stream, corpus, rng)
    return stream.pack()


def damaged(data, corpus, rng):
    """Bytes with bits flipped, bytes inserted, removed, copied, or nothing left of them."""
    data, kind = bytearray(data), rng.integers(7)
    position = int(rng.integers(len(data) + 1))
    some = slice(position, position + int(rng.geometric(0.1)))
    if kind == 0:
        for _ in range(rng.geometric(0.3)):
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    elif kind == 1:
        del data[position:]
    elif kind == 2:
        data[some] = b""
    elif kind == 3:
        data[position:position] = rng.bytes(rng.geometric(0.1))
    elif kind == 4:
        data[some] = rng.bytes(len(data[some]))
    elif kind == 5:
        other = corpus[rng.integers(len(corpus))]
        data[position:] = other[min(position, len(other)):]
    else:
        data = b"ALIC\x01" + rng.bytes(rng.geometric(0.02))
    return bytes(data)


def _sizes(stream, corpus, rng):
    width, height = (int(rng.choice(SIDES)) if rng.random() < 0.7 else int(rng.integers(1, 300))
                     for _ in range(2))
    return replace(stream, **[{"width": width}, {"height": height},
                              {"width": width, "height": height}][rng.integers(3)])


def _lanes(stream, corpus, rng):
    return replace(stream, flags=stream.flags & ~7 | int(rng.integers(8)))


def _header(stream, corpus, rng):
    field = rng.choice(["version", "flags", "quality", "model_id"])
    value = rng.bytes(4) if field == "model_id" else int(rng.integers(256))
    return replace(stream, **{field: value})


def _quality(stream, corpus, rng):
    return replace(stream, quality=int(rng.integers(64)))


def _lengths(stream, corpus, rng):
    lengths = list(stream.lengths)
    i = rng.integers(len(lengths))
    step = int(rng.integers(-2, 3))
    lengths[i] = int(rng.choice(NUMBERS)) if rng.random() < 0.5 else max(0, lengths[i] + step)
    return replace(stream, lengths=tuple(lengths))


def _part(stream, corpus, rng):
    """The payload or a chunk damaged, replaced by noise, emptied, or that of another file."""
    parts = list(stream.parts)
    i = rng.integers(len(parts)) if rng.random() < 0.5 else 0
    other = Stream.of(corpus[rng.integers(len(corpus))]).parts
    size = int(rng.choice([0, 1, 4, 20, 100, 3000]))
    parts[i] = [
        lambda: damaged(parts[i] or b"\0", corpus, rng),
        lambda: rng.bytes(size),
        lambda: bytes([rng.choice([0, 255])]) * size,
        lambda: other[min(i, len(other) - 1)],
    ][rng.choice(4, p=[0.6, 0.2, 0.1, 0.1])]()
    return stream.with_parts(parts)


def _start_of_payload(stream, corpus, rng):
    """The lengths of the lanes and the flags of the channels."""
    payload, *chunks = stream.parts
    start = bytearray(payload[:8])
    for _ in range(rng.integers(1, 4)):
        if start:
            start[rng.integers(len(start))] = rng.integers(256)
    return stream.with_parts([bytes(start) + payload[8:], *chunks])


def _chunks(stream, corpus, rng):
    """A chunk more or less, or of another kind."""
    payload, *chunks = stream.parts
    listed = list(zip(stream.kinds, chunks))
    choice = rng.integers(3)
    if choice == 0 and len(listed) < 15:
        content = rng.bytes(rng.geometric(0.02)) if rng.random() < 0.5 else png(rng)
        listed.insert(rng.integers(len(listed) + 1), (rng.choice(list(KINDS)), content))
    elif listed:
        i = rng.integers(len(listed))
        listed[i:i + 1] = [] if choice == 1 else [(rng.choice(list(KINDS)), listed[i][1])]
    kinds = bytes(int(kind) for kind, _ in listed)
    stream = replace(stream, kinds=kinds, flags=stream.flags & 15 | len(kinds) << 4)
    return stream.with_parts([payload, *(chunk for _, chunk in listed)])


def png(rng):
    """The start of a PNG file that may announce any size, for chunks that hold pictures."""
    def chunk(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    sides = [int(rng.choice([1, 64, 2**15, 2**31 - 1])) for _ in range(2)]
    depth, colour = int(rng.choice([1, 8, 16])), int(rng.choice([0, 2, 3, 4, 6]))
    header = struct.pack(">IIBBBBB", *sides, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*parts) for parts in chunks)


class Target:
    """Files: each ends in a picture or in a typed error; see `judge`.

    Args:
        codec: `Codec`.
        max_pixels: limit of the reader.
    """

    ending, success = ".alic", "image"

    def __init__(self, codec, max_pixels):
        self._codec, self._max_pixels = codec, max_pixels
        self.good = corpus(codec)

    def mutant(self, rng):
        return mutant(self.good, rng)

    def outcome(self, data):
        return judge(self._codec, data, self._max_pixels)


_MUTATIONS = (_sizes, _lanes, _header, _quality, _lengths, _start_of_payload, _chunks,
              _part, _part, _part, _part)


def corpus(codec):
    """Small good files: odd sizes, qualities, grey, alpha and metadata."""
    rng = np.random.default_rng(0)
    files = []
    for i, (height, width) in enumerate([(1, 1), (17, 33), (64, 64), (65, 40), (70, 130)]):
        coarse = rng.uniform(0, 255, (height // 16 + 2, width // 16 + 2, 4))
        image = coarse.repeat(16, 0).repeat(16, 1)[:height, :width]
        image = np.clip(image + 8 * rng.normal(size=image.shape), 0, 255).astype("uint8")
        for channels in (1, 3, 4):
            data = codec.encode(image[..., :channels], 1 + 7 * i / 4)
            files.append(data)
            header, payload = container.unpack(data)
            metadata = {"exif": b"MM\0*\0\0\0\x08\0\0", "icc": rng.bytes(132)}
            files.append(container.pack(replace(header, **metadata), payload))
    return files
