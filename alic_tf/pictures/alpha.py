"""Transparency: the alpha plane as bytes, without loss, and what is coded where nothing is seen.

The plane is a lossless WebP file, smaller than PNG, zlib or LZMA for nearly all masks it was tried
on, or PNG: where a side is longer than WebP allows, and for readers without WebP (docs/format.md,
"Alpha").
"""

import io
import struct

import numpy as np
from PIL import Image

from alic_tf import errors

FORMS = ("webp", "png")
WEBP_MAX_SIDE = 16383
# What the formats hold a plane as. Others would take more memory.
_MODES = {"WEBP": "RGB", "PNG": "L"}


def pack(plane, form="webp"):
    """Returns the bytes of an alpha plane.

    Arguments:
        plane: uint8 array (height, width).
        form: one of `FORMS`; a plane that WebP has no place for is a PNG in any case.
    """
    image, stream = Image.fromarray(plane), io.BytesIO()
    if form == "webp" and max(plane.shape) <= WEBP_MAX_SIDE:
        image.convert("RGB").save(stream, "WEBP", lossless=True, method=4, quality=100)
    else:
        image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def check(data, width, height):
    """Checks what the first bytes of a plane say of it, which takes neither memory nor time.

    Raises:
        Malformed: they are not those of a plane of this size.
    """
    _check_size(announced(data), width, height)


def unpack(data, width, height):
    """Inverse of `pack` for the alpha plane of a picture of this size.

    Few bytes may be a large plane, as a good one of few shapes is. A pixel takes 16 bytes while it
    is decoded from WebP (Pillow keeps it four times), and four from PNG.

    Raises:
        Malformed: the bytes are not such a plane. One of another size or form is not decoded.
        LimitExceeded: it is over Pillow's own limit of pixels, `Image.MAX_IMAGE_PIXELS`.
    """
    try:
        check(data, width, height)
        with Image.open(io.BytesIO(data), formats=["WEBP", "PNG"]) as image:
            _check_size(image.size, width, height)  # a PNG can change its mind
            if image.mode != _MODES[image.format]:
                raise errors.Malformed(f"the alpha plane is a {image.format} of {image.mode}")
            return np.asarray(image.convert("L"))
    except (errors.Malformed, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise errors.LimitExceeded(f"{width}x{height} is over Pillow's limit of pixels") from error
    except Exception as error:  # Pillow's decoders fail on damaged data in ways of every type
        raise errors.Malformed("the alpha plane cannot be decoded") from error


def fill_hidden(rgb, seen):
    """Continues the colours that are seen smoothly to where nothing is seen.

    What is hidden there, often black or a whole background, would cost bits and blur the edges.

    Arguments:
        rgb: uint8 array (height, width, 3).
        seen: bool array (height, width).

    Returns:
        An array like `rgb`, equal to it where it is seen; black if nothing is.
    """
    if seen.all():
        return rgb
    if not seen.any():
        return np.zeros_like(rgb)
    # Averages of what is seen in blocks of 2x2, filled in turn, then enlarged again.
    counts = _sums_of_blocks(seen[..., None])
    sums = _sums_of_blocks(rgb * seen[..., None])
    means = (sums + counts // 2) // np.maximum(counts, 1)
    coarse = Image.fromarray(fill_hidden(means.astype(np.uint8), counts[..., 0] > 0))
    smooth = coarse.resize((2 * coarse.width, 2 * coarse.height), Image.Resampling.BILINEAR)
    height, width = seen.shape
    return np.where(seen[..., None], rgb, np.asarray(smooth)[:height, :width])


def _sums_of_blocks(array):
    """Sums of 2x2 blocks of an array (height, width, channels); zeros continue an odd side."""
    height, width, _ = array.shape
    padded = np.pad(array, ((0, height % 2), (0, width % 2), (0, 0)))
    return sum(padded[i::2, j::2].astype(np.uint16) for i in (0, 1) for j in (0, 1))


def _check_size(size, width, height):
    if size != (width, height):
        raise errors.Malformed("the alpha plane has another size than the picture")


def announced(data):
    """(width, height) as the file gives it, read here: some decoders allocate before they tell.

    Raises:
        Malformed: it is none of a plane.
    """
    if len(data) < 25:
        raise errors.Malformed("the alpha plane is too short")
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8L" and data[20:21] == b"\x2f":
        (sides,) = struct.unpack_from("<I", data, 21)
        return (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return struct.unpack_from(">II", data, 16)
    raise errors.Malformed("the alpha plane is neither lossless WebP nor PNG")
