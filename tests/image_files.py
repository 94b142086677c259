"""Image files made by hand, of kinds that Pillow does not write."""

import struct
import zlib

import numpy as np

COLOURS = np.random.default_rng(1).integers(0, 256, (12, 17, 3), dtype=np.uint8)


def png(samples, chunks=()):
    """A PNG of 8 or 16-bit samples (height, width, 1 | 3) and further chunks, written by hand."""
    height, width, channels = samples.shape

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    bits, colour = 8 * samples.itemsize, {1: 0, 3: 2}[channels]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    kind = ">u2" if bits == 16 else "u1"
    rows = b"".join(b"\0" + row.astype(kind).tobytes() for row in samples)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(samples, kind):
    """A TIFF of samples (height, width, channels) of a SampleFormat, little endian, by hand."""
    height, width, channels = samples.shape
    bits = struct.pack(f"<{channels}H", *[8 * samples.itemsize] * channels)
    end = 8 + 2 + 12 * 9 + 4
    place = bits.ljust(4, b"\0") if channels < 3 else struct.pack("<I", end)
    numbers = {256: width, 257: height, 259: 1, 262: 1 if channels == 1 else 2,
               273: end + len(bits), 277: channels, 279: samples.nbytes, 339: kind}
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in numbers.items()}
    entries[258] = struct.pack("<HHI", 258, 3, channels) + place
    listed = b"".join(entries[tag] for tag in sorted(entries))
    start = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return start + listed + bytes(4) + bits + samples.tobytes()
