"""EXIF blocks and ICC profiles of pictures, as bytes."""

import io
import struct
import warnings

from PIL import ExifTags, ImageCms

from alic_tf import errors

_PREFIX = b"Exif\0\0"
ORIENTATION = ExifTags.Base.Orientation
_SHORT = 3
# Of the tags that TIFF files have for themselves, those that say something about the photograph.
_DESCRIPTIVE = {
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model,
    ExifTags.Base.XResolution, ExifTags.Base.YResolution, ExifTags.Base.ResolutionUnit,
    ExifTags.Base.Software, ExifTags.Base.DateTime, ExifTags.Base.Artist,
    ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo,
}  # fmt: skip


def exif_of(image):
    """The EXIF block of a Pillow image, from its byte order mark on, with orientation 1.

    Bytes are kept as they are where the file has them as one block: writing them anew would lose
    thumbnails and break the offsets in notes of the camera's maker.
    """
    block = image.info.get("exif")
    if block is None:
        tags = image.getexif()
        for tag in set(tags) - _DESCRIPTIVE:
            del tags[tag]
        block = tags.tobytes() if tags else b""
    return set_upright(block.removeprefix(_PREFIX))


def info_of(exif, icc):
    """The entries of a Pillow image's `info` for an EXIF block and an ICC profile, if any."""
    blocks = {"exif": exif and _PREFIX + exif, "icc_profile": icc}
    return {name: block for name, block in blocks.items() if block}


def set_upright(block):
    """An EXIF block with its orientation, if it has one, set to 1."""
    block = bytearray(block)
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[:2]))
    if order:
        try:
            (position,) = struct.unpack_from(order + "I", block, 4)
            (count,) = struct.unpack_from(order + "H", block, position)
            for entry in range(position + 2, position + 2 + 12 * count, 12):
                if struct.unpack_from(order + "H", block, entry) == (ORIENTATION,):
                    struct.pack_into(order + "HIHH", block, entry + 2, _SHORT, 1, 1, 0)
        except struct.error:
            pass  # ends within its tags: there are no more to set
    return bytes(block)


def describes(icc, mode):
    """Whether an ICC profile is one for pixels of this mode: "RGB", "L" or "CMYK"."""
    return icc[16:20] == {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}[mode]


def to_srgb(image, icc):
    """A Pillow image of mode L, RGB or CMYK in sRGB, from the colours of its ICC profile.

    L stays L. If the profile is damaged, a warning says so, and it is ignored.
    """
    mode = "L" if image.mode == "L" else "RGB"
    try:
        profile = ImageCms.getOpenProfile(io.BytesIO(icc))
        if image.mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(profile):
            return image
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, profile, target, outputMode="RGB").convert(mode)
    except ImageCms.PyCMSError:
        message = "its ICC profile is damaged, and is left out"
        warnings.warn(message, errors.ImageWarning, stacklevel=3)
        return image.convert(mode)
