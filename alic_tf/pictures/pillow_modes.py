"""What Pillow knows of images, reduced to what an .alic file holds: modes, turns, metadata."""

import warnings

import numpy as np
from PIL import Image, ImageOps

from alic_tf import errors
from alic_tf.bitstream import container
from alic_tf.pictures import metadata

_GREY = ("1", "L", "LA", "La")


def normalize(image):
    """Takes apart a Pillow image of any mode, which stays as it is; of several the current one.

    The orientation that EXIF or XMP gives is applied. 16-bit samples become 8-bit ones, palettes
    their colours, CMYK becomes RGB by its ICC profile if it has one. What loses information warns.

    Returns:
        (colours, alpha, exif, icc, xmp): Pillow image of mode L or RGB; uint8 array (height,
        width), or None if all is opaque; EXIF block with orientation 1; ICC profile of the
        colours; XMP packet with orientation 1.

    Raises:
        ImageUnreadable: the samples have no agreed meaning in 8 bits.
        LimitExceeded: larger than an .alic file may be.
    """
    container.check_size(*image.size)
    if getattr(image, "is_animated", False):
        _warn(f"holds {image.n_frames} pictures; only number {image.tell() + 1} is taken")
    deep = image.mode.startswith("I") or _has_16_bits(image)
    image.load()
    icc, xmp = image.info.get("icc_profile") or b"", metadata.xmp_of(image)
    original, (image, exif) = image, _upright(image)
    if words := metadata.lost(original, exif):
        _warn(f"not kept: {', '.join(words)}")
    if image.mode.startswith("I"):
        samples = np.asarray(image).astype(np.int64)
        if samples.min() < 0 or samples.max() > 65535:
            cause = "integer samples of more than 16 bits have no agreed range"
            raise errors.ImageUnreadable(cause)
        image = Image.fromarray(((samples * 255 + 32767) // 65535).astype(np.uint8))
    if deep:
        _warn("16-bit samples reduced to 8 bits")
    if image.mode == "F":
        raise errors.ImageUnreadable("floating-point samples have no agreed range")

    plane = None
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in _GREY else "RGBA")
        if image.getchannel("A").getextrema()[0] < 255:
            plane = np.asarray(image.getchannel("A"))
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image, icc), plane, exif, b"", xmp
    mode = "L" if image.mode in _GREY else "RGB"
    colours = image if image.mode == mode else image.convert(mode)
    if icc and not metadata.describes(icc, mode):
        _warn("its ICC profile is for other colours than it has, and is left out")
        icc = b""
    return colours, plane, exif, icc, xmp


def _upright(image):
    """Returns the image, turned as its orientation says, and its EXIF block."""
    try:
        turned = image.getexif().get(metadata.ORIENTATION, 1) != 1
        exif = metadata.exif_of(image)
        return (ImageOps.exif_transpose(image) if turned else image), exif
    except Exception:  # of every type, like those of Pillow's decoders
        _warn("its EXIF data are damaged, and are left out")
        return image, b""


def _cmyk_to_rgb(image, icc):
    if icc and metadata.describes(icc, "CMYK"):
        return metadata.to_srgb(image, icc)
    _warn("CMYK converted to RGB without a colour profile")
    return image.convert("RGB")


def _has_16_bits(image):
    """Whether Pillow is about to reduce 16-bit colour: its tiles tell how they are stored."""
    return any(
        ";16" in str(args)
        or codec == "SGI16"
        or (codec == "sgi_rle" and args[2] == 2)
        or (codec == "ppm" and args[1] > 255)
        for codec, _, _, args in getattr(image, "tile", ())
    )


def _warn(message):
    warnings.warn(message, errors.ImageWarning, stacklevel=2)
