"""EXIF blocks, ICC profiles and XMP packets of pictures, as bytes."""

import io
import re
import struct
import warnings

import numpy as np
from PIL import ExifTags, Image, ImageCms

from alic_tf import errors

_PREFIX = b"Exif\0\0"
ORIENTATION = ExifTags.Base.Orientation
_SHORT = 3
XMP_OF_PNG = "XML:com.adobe.xmp"
_USUAL_DPI = {0, 1, 72, 96}
_SRGB_GAMMA = 1 / 2.2
# Of white, red, green and blue, as a PNG file has them.
_SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
# Levels by which colours differ from themselves after a profile's curves and their inverse.
_ROUNDING = 2
# Of the tags that TIFF files have for themselves, those that say something about the photograph.
_DESCRIPTIVE = {
    ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model,
    ExifTags.Base.XResolution, ExifTags.Base.YResolution, ExifTags.Base.ResolutionUnit,
    ExifTags.Base.Software, ExifTags.Base.DateTime, ExifTags.Base.Artist,
    ExifTags.Base.Copyright, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo,
}  # fmt: skip


def exif_of(image):
    """The EXIF block of a Pillow image, from its byte order mark on, with orientation 1.

    Bytes are kept as they are where the file has them as one block, unless somebody has edited the
    tags since: writing them anew would lose thumbnails and break the offsets in notes of the
    camera's maker.
    """
    block, tags = image.info.get("exif"), image.getexif()
    if block is None or _without_orientation(tags) != _without_orientation(_read(block)):
        tags = _read(tags.tobytes())
        structural = set(tags) - _DESCRIPTIVE if block is None else set()
        for tag in structural | {ORIENTATION}:
            tags.pop(tag, None)
        block = tags.tobytes() if tags else b""
    return set_upright(block.removeprefix(_PREFIX))


def _read(block):
    tags = Image.Exif()
    tags.load(block)
    return tags


def _without_orientation(tags):
    return {tag: value for tag, value in tags.items() if tag != ORIENTATION}


def xmp_of(image):
    """The XMP packet of a Pillow image, with orientation 1; empty if it has none."""
    packet = image.info.get("xmp") or image.info.get(XMP_OF_PNG) or b""
    packet = packet.encode() if isinstance(packet, str) else packet
    return re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", packet)


def info_of(exif, icc, xmp):
    """The entries of a Pillow image's `info` for EXIF block, ICC profile and XMP packet, if any."""
    blocks = {"exif": exif and _PREFIX + exif, "icc_profile": icc, "xmp": xmp}
    return {name: block for name, block in blocks.items() if block}


def lost(image, exif):
    """What a loaded Pillow image says of itself that has no place in a picture, in words.

    Resolutions that programs write by default, and colours that are those of sRGB, say nothing.

    Args:
        exif: its EXIF block, which is kept.
    """
    info, words = image.info, []
    text = [name for name in getattr(image, "text", {}) if name != XMP_OF_PNG and "Raw" not in name]
    if text or info.get("comment"):
        words.append(f"text ({', '.join(text) or 'a comment'})")
    dpi = {round(value) for value in info.get("dpi", ())}
    if dpi - _USUAL_DPI and ExifTags.Base.XResolution not in _read(exif):
        words.append(f"the resolution of {max(dpi)} dpi")
    if "srgb" not in info and "icc_profile" not in info:
        if abs(info.get("gamma", _SRGB_GAMMA) - _SRGB_GAMMA) > 0.005:
            words.append(f"gamma {info['gamma']:.4g}")
        primaries = info.get("chromaticity", _SRGB_PRIMARIES)
        if max(abs(a - b) for a, b in zip(primaries, _SRGB_PRIMARIES)) > 0.005:
            words.append("primaries other than those of sRGB")
    return words


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
        transform = ImageCms.buildTransform(
            io.BytesIO(icc), ImageCms.createProfile("sRGB"), image.mode, "RGB"
        )
        if image.mode == "RGB" and _is_identity(transform):
            return image
        return ImageCms.applyTransform(image, transform).convert(mode)
    except ImageCms.PyCMSError:
        message = "its ICC profile is damaged, and is left out"
        warnings.warn(message, errors.ImageWarning, stacklevel=3)
        return image.convert(mode)


def _is_identity(transform):
    """Whether a transform from RGB to sRGB leaves colours as they are, but for rounding."""
    shades = np.linspace(0, 255, 9).astype("uint8")
    colours = np.stack(np.meshgrid(shades, shades, shades), -1).reshape(27, 27, 3)
    converted = np.asarray(ImageCms.applyTransform(Image.fromarray(colours), transform))
    return np.abs(converted.astype("int16") - colours).max() <= _ROUNDING
