"""The alpha plane of a picture as bytes, without loss (docs/format.md, "Alpha").

As a lossless WebP file, which was smallest for all but one of the masks it was tried on; as PNG
where a side is longer than WebP allows.
"""

import io
import struct

import numpy as np
from PIL import Image

from alic_tf import errors

WEBP_MAX_SIDE = 16383


def pack(plane):
    """Returns the bytes of an alpha plane, uint8 array (height, width)."""
    image, stream = Image.fromarray(plane), io.BytesIO()
    if max(plane.shape) <= WEBP_MAX_SIDE:
        image.convert("RGB").save(stream, "WEBP", lossless=True, method=4, quality=100)
    else:
        image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def unpack(data, width, height):
    """Inverse of `pack` for the alpha plane of a picture of this size.

    Raises:
        Malformed: the bytes are not such a plane. A plane of another size is not decoded.
    """
    try:
        _check_size(_size(data), width, height)
        with Image.open(io.BytesIO(data), formats=["WEBP", "PNG"]) as image:
            _check_size(image.size, width, height)  # a PNG can change its mind
            return np.array(image.convert("L"))
    except errors.Malformed:
        raise
    except Exception as error:  # Pillow's decoders fail on damaged data in ways of every type
        raise errors.Malformed("the alpha plane cannot be decoded") from error


def _check_size(size, width, height):
    if size != (width, height):
        raise errors.Malformed("the alpha plane has another size than the picture")


def _size(data):
    """(width, height) as the file gives it, read here: some decoders allocate before they tell."""
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8L" and data[20:21] == b"\x2f":
        (sides,) = struct.unpack_from("<I", data, 21)
        return (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return struct.unpack_from(">II", data, 16)
    raise errors.Malformed("the alpha plane is neither lossless WebP nor PNG")
