"""Tar shards that nobody wrote: mutations of their headers and of their bytes."""

import io
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from alic_tf import errors
from alic_tf.training.data import load_photographs
from tests.fuzz.streams import damaged

BLOCK = 512
# Offset and length of fields of a header.
FIELDS = {"name": (0, 100), "mode": (100, 8), "size": (124, 12), "type": (156, 1),
          "link": (157, 100), "magic": (257, 8), "sparse": (386, 96), "real size": (483, 12)}
TYPES = b"0123456789xgLKSVDM\0"
SIZES = (b"0", b"1", b"1000", b"77777777777", b"-1", b"9", b"\x80" + b"\xff" * 11, b"\xff" * 12,
         b"\x80\0\0\0\x7f" + b"\0" * 7)
RECORDS = (b"size=9999999999999\n", b"size=x\n", b"path=b.png\n", b"path=\0\n", b"mtime=nan\n",
           b"GNU.sparse.major=1\n", b"GNU.sparse.size=8000000000\n", b"GNU.sparse.map=0,x\n",
           b"hdrcharset=BINARY\n", b"\xff\xfe=\xff\n")


class Target:
    """Tar shards: each ends in photographs, or in an error that names the file."""

    ending, success = ".tar", "photographs"

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name, "shard.tar")
        self.good = [self._written(form) for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT)]

    @staticmethod
    def _written(form):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as shard:
            for i, name in enumerate(("a.png", "note.txt", f"{'folder/' * 20}é.jpg")):
                data = io.BytesIO()
                Image.fromarray(np.full((70, 80, 3), 40 * i, "uint8")).save(data, "PNG")
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(data.getvalue()), 1.5
                shard.addfile(member, io.BytesIO(data.getvalue()))
        return stream.getvalue()

    def mutant(self, rng):
        data = self.good[rng.integers(len(self.good))]
        style = rng.choice(3, p=[0.2, 0.6, 0.2])
        if style == 0:
            return damaged(data, self.good, rng)
        data = bytearray(data)
        headers = [i for i in range(0, len(data), BLOCK) if data[i + 257:i + 262] == b"ustar"]
        start = headers[rng.integers(len(headers))]
        if style == 1:
            for _ in range(rng.geometric(0.5)):
                _change(data, start, rng)
        else:
            data[start:start] = _extended(rng)
        _set_checksum(data, start)
        return bytes(data)

    def outcome(self, data):
        self._path.write_bytes(data)
        try:
            photographs = load_photographs(self._folder.name)
        except errors.AlicError as error:
            assert str(error).startswith(self._folder.name) and "\n" not in str(error)
            return type(error).__name__
        assert all(photograph.ndim == 3 for photograph in photographs)
        return "photographs"


def _change(data, start, rng):
    name = sorted(FIELDS)[rng.integers(len(FIELDS))]
    offset, length = FIELDS[name]
    value = rng.bytes(length)
    if name == "type":
        value = TYPES[rng.integers(len(TYPES)):][:1]
    elif name != "link" and rng.random() < 0.8:
        value = SIZES[rng.integers(len(SIZES))]
    data[start + offset:start + offset + length] = value[:length].ljust(length, b"\0")


def _extended(rng):
    """A header of further records, and these."""
    records = b""
    for i in rng.integers(len(RECORDS), size=rng.integers(1, 4)):
        record = RECORDS[i]
        length = len(record) + 3 if rng.random() < 0.8 else int(rng.integers(10**6))
        records += b"%d %b" % (length, record)
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, len(records)
    return member.tobuf(tarfile.USTAR_FORMAT) + records.ljust(-(-len(records) // BLOCK) * BLOCK)


def _set_checksum(data, start):
    data[start + 148:start + 156] = b" " * 8
    data[start + 148:start + 156] = b"%06o\0 " % sum(data[start:start + BLOCK])
