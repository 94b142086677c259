"""Image files: reading them as pictures and writing pictures; one clear error per cause."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from alic_tf import errors, files
from alic_tf.picture import Picture

# Those that cameras and the web use; Pillow writes many more.
ENDINGS = (".png", ".jpg", ".webp", ".tiff")
DEFAULT_QUALITY = 95
_LOSSY = ("JPEG", "WEBP", "AVIF")
_WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "TGA")
_JPEG_MAX_EXIF = 65533  # what a marker segment holds beside its length


def open_picture(source):
    """Reads an image file of any format that Pillow knows; see `Picture.of` for what becomes of it.

    Arguments:
        source: path, or bytes of the file.

    Returns:
        A `Picture`.

    Raises:
        ImageUnreadable: missing, empty, not an image, truncated or damaged.
        LimitExceeded: larger than Pillow's limit on decompression or the container's on sides.
    """
    path = None if isinstance(source, bytes) else Path(source)
    try:
        if not source or (path and path.is_file() and not path.stat().st_size):
            raise errors.ImageUnreadable("the file is empty")
        with Image.open(path or io.BytesIO(source)) as image:
            return Picture.of(image)
    except MemoryError:
        raise
    except errors.AlicError as error:
        error.path = path
        raise
    except Image.DecompressionBombError as error:
        limit = f"more than {2 * Image.MAX_IMAGE_PIXELS} pixels"
        raise errors.LimitExceeded(f"too large to read: {limit}", path) from error
    except Image.UnidentifiedImageError as error:
        raise errors.ImageUnreadable("not an image that can be read", path) from error
    except Exception as error:  # Pillow's decoders fail on damaged data in ways of every type
        cause = getattr(error, "strerror", None) or f"damaged image ({_one_line(error)})"
        raise errors.ImageUnreadable(cause, path) from error


def read(path):
    """Reads the colours of an image file: uint8 array (height, width, 3).

    Transparency is laid on white, with a warning. Raises what `open_picture` raises.
    """
    picture = open_picture(path)
    if picture.alpha is not None:
        warnings.warn(f"{path}: transparency laid on white", errors.ImageWarning, stacklevel=2)
    return np.array(picture.on_white().rgb)


def write(path, image, quality=DEFAULT_QUALITY):
    """Writes an image file in the format that the ending of `path` names.

    Arguments:
        path: of the file.
        image: anything that `Picture.of` takes.
        quality: see `encode`.

    Raises:
        UsageError: no writable format has this ending.
        AlicError: the format cannot hold the picture, or the file cannot be written.
    """
    data = encode(Picture.of(image), check_format(path), quality)
    with files.replacing(path) as temporary:
        temporary.write_bytes(data)


def encode(picture, form, quality=DEFAULT_QUALITY):
    """Returns the bytes of an image file. Metadata go into the formats that have a place for them.

    Arguments:
        picture: a `Picture`.
        form: a name that `check_format` returns.
        quality: of the formats with loss, 1 to 100; WebP is without loss at 100.

    Raises:
        AlicError: the format cannot hold the picture, e.g. a side is too long.
    """
    if picture.alpha is not None and form not in _WITH_ALPHA:
        _warn(f"{form} has no transparency: laid on white")
        picture = picture.on_white()
    image, stream = picture.image(), io.BytesIO()
    options = {name: image.info[name] for name in ("exif", "icc_profile") if name in image.info}
    if form == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4"}
        if len(options.get("exif", b"")) > _JPEG_MAX_EXIF:
            _warn("the EXIF data are too long for JPEG, and are left out")
            del options["exif"]
    elif form == "WEBP" and quality == 100:
        options["lossless"] = True
    elif form in _LOSSY:
        options["quality"] = quality
    elif form == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    try:
        image.save(stream, form, **options)
    except Exception as error:  # Pillow's encoders refuse in ways of every type
        raise errors.AlicError(f"cannot be written as {form}: {_one_line(error)}") from error
    return stream.getvalue()


def check_format(path):
    """Returns the name of the format that the ending of `path` stands for, e.g. "PNG"."""
    form = _formats().get(Path(path).suffix.lower())
    if form not in Image.SAVE:
        allowed = ", ".join(ENDINGS)
        raise errors.UsageError(f"no image format for this ending; use one of {allowed}", path)
    return form


def has_quality(form):
    """Whether a format loses more or less of the picture, as `encode`'s argument says."""
    return form in _LOSSY


def find(folder):
    """Returns the paths in `folder` whose ending says they are images, sorted by name."""
    endings = {ending for ending, form in _formats().items() if form in Image.OPEN}
    return sorted(
        path
        for path in Path(folder).iterdir()
        if path.suffix.lower() in endings and not path.name.startswith(".") and path.is_file()
    )


def _formats():
    """Pillow's formats by ending, without ours, which it may have learnt in this process."""
    return {end: form for end, form in Image.registered_extensions().items() if end != ".alic"}


def _warn(message):
    warnings.warn(message, errors.ImageWarning, stacklevel=3)


def _one_line(error):
    return " ".join(str(error).split()) or type(error).__name__
