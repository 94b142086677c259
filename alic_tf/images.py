"""Reading and writing pictures as uint8 arrays (height, width, 3); one clear error per cause."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from alic_tf import container, errors, files


class ImageWarning(UserWarning):
    """The picture was read, but not everything of it was kept."""


def read(path):
    """Reads a picture of any format that Pillow knows; only the first one of several.

    The EXIF orientation is applied. Grey, palette, CMYK and the like become RGB, transparency is
    laid on white, samples of 16 bits are reduced to 8; what loses information warns.

    Arguments:
        path: the file.

    Returns:
        uint8 array (height, width, 3).

    Raises:
        ImageUnreadable: missing, empty, not an image, truncated or damaged.
        LimitExceeded: larger than Pillow's limit on decompression or the container's on sides.
    """
    try:
        if Path(path).stat().st_size == 0:
            raise errors.ImageUnreadable("the file is empty", path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                container.check_size(*image.size)
                rgb = _to_rgb(image, path)
    except errors.AlicError as error:
        error.path = path
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = f"more than {Image.MAX_IMAGE_PIXELS} pixels"
        raise errors.LimitExceeded(f"too large to read: {limit}", path) from error
    except Image.UnidentifiedImageError as error:
        raise errors.ImageUnreadable("not an image that can be read", path) from error
    except Exception as error:  # Pillow's decoders fail on damaged data in ways of every type
        cause = getattr(error, "strerror", None) or f"damaged image ({_one_line(error)})"
        raise errors.ImageUnreadable(cause, path) from error
    return np.array(rgb)


def write(path, array):
    """Writes a uint8 array (height, width, 3) in the format that the ending of `path` names.

    Raises:
        UsageError: no writable format has this ending.
    """
    form = check_format(path)
    image = Image.fromarray(array)
    with files.replacing(path) as temporary:
        image.save(temporary, format=form)


def check_format(path):
    """Returns the name of the format that the ending of `path` stands for, e.g. "PNG"."""
    form = Image.registered_extensions().get(Path(path).suffix.lower())
    if form not in Image.SAVE:
        raise errors.UsageError("no image format for this ending; use .png", path)
    return form


def find(folder):
    """Returns the paths in `folder` whose ending says they are images, sorted by name."""
    endings = {end for end, form in Image.registered_extensions().items() if form in Image.OPEN}
    return sorted(
        path
        for path in Path(folder).iterdir()
        if path.suffix.lower() in endings and not path.name.startswith(".") and path.is_file()
    )


def _to_rgb(image, path):
    """An open Pillow image of any mode, as an upright one of mode RGB."""

    def warn(message):
        warnings.warn(f"{path}: {message}", ImageWarning, stacklevel=4)

    if getattr(image, "is_animated", False):
        warn(f"holds {image.n_frames} pictures; only the first is taken")
    deep = image.mode.startswith("I") or _has_16_bits(image)
    image.load()
    image = ImageOps.exif_transpose(image)
    if deep:
        warn("16-bit samples reduced to 8 bits")
    if image.mode.startswith("I"):
        samples = np.clip(np.asarray(image), 0, 65535)
        image = Image.fromarray((samples >> 8).astype(np.uint8))
    if image.mode == "F":
        raise errors.ImageUnreadable("floating-point samples have no agreed range")
    if image.mode == "CMYK":
        warn("CMYK converted to RGB without a colour profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getextrema()[3][0] < 255:
            warn("transparency laid on white")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _has_16_bits(image):
    """Whether Pillow is about to reduce 16-bit colour: its tiles tell how they are stored."""
    return any(
        ";16" in str(args) or (codec == "ppm" and args[1] > 255) for codec, _, _, args in image.tile
    )


def _one_line(error):
    return " ".join(str(error).split()) or type(error).__name__
