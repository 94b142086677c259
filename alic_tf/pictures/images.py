"""Image files: reading them as pictures and writing pictures; one clear error per cause."""

import io
import os
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin

from alic_tf import errors, files
from alic_tf.pictures import metadata
from alic_tf.pictures.picture import Picture

# The formats that are read: those of pixels that people have. Pillow knows more, among them some
# for which it starts other programs (EPS: Ghostscript); HEIF and JXL are those of plugins.
FORMATS = (
    "PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "ICO", "PPM", "TGA", "JPEG2000", "DDS",
    "PCX", "SGI", "QOI", "HEIF", "JXL",
)  # fmt: skip
# Those that cameras and the web use; Pillow writes many more.
ENDINGS = (".png", ".jpg", ".webp", ".tiff")
DEFAULT_QUALITY = 95
_LOSSY = ("JPEG", "WEBP", "AVIF")
_WITH_ALPHA = ("PNG", "WEBP", "TIFF", "AVIF", "JPEG2000", "TGA")
_WITH_METADATA = ("PNG", "JPEG", "WEBP", "TIFF", "AVIF")
# Primaries, transfer function, matrix and range (ITU-T H.273).
_CODING_OF_SRGB = bytes([1, 13, 0, 1])
# What a marker segment of a JPEG file holds, beside its length and, of XMP, its name.
_JPEG_MAX = {"exif": 65533, "xmp": 65504}


def open_image(source):
    """Opens an image file of one of `FORMATS`, and no other, as a Pillow image.

    Arguments:
        source: path, or bytes of the file.

    Raises:
        ImageUnreadable: not such a file; the cause where Pillow tells one.
        OSError and others: what Pillow and its plugins raise on damaged files.
    """
    try:
        return Image.open(_stream(source), formats=_readable())
    except Image.UnidentifiedImageError as error:
        raise errors.ImageUnreadable(_refusal(source)) from error


def _readable():
    Image.init()
    return [form for form in FORMATS if form in Image.OPEN]


def _stream(source):
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _refusal(source):
    """Why no format takes a file: what the one has to say that its first bytes belong to."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    for form in _readable():
        factory, accept = Image.OPEN[form]
        if accept and accept(data[:16]) is True:
            try:
                factory(io.BytesIO(data), "").close()
            except (IndexError, struct.error):
                return f"damaged {form} image: ends within its header"
            except Exception as error:  # of every type
                samples = _samples_of_tiff(data) if form == "TIFF" else ""
                return f"damaged {form} image, or of an unknown kind: {_one_line(error)}{samples}"
    return "not an image that can be read"


def _samples_of_tiff(data):
    """What a TIFF file says of its samples, which Pillow's own message leaves out."""
    try:
        tags, stream = TiffImagePlugin.ImageFileDirectory_v2(data[:8]), io.BytesIO(data)
        stream.seek(tags.next)
        tags.load(stream)
        bits = tags[TiffImagePlugin.BITSPERSAMPLE]
        (kind, *_) = tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))
    except Exception:  # of every type, if it is damaged
        return ""
    kind = {1: "unsigned", 2: "signed", 3: "floating-point"}.get(kind, "undefined")
    return f" ({len(bits)} {kind} samples of {max(bits)} bits a pixel)"


def _coding_of_png(image):
    """The cICP chunk of an opened PNG file, which Pillow passes over; empty if there is none."""
    place, position, coding = image.fp.tell(), len(b"\x89PNG\r\n\x1a\n"), b""
    while not coding:
        image.fp.seek(position)
        size, kind = int.from_bytes(image.fp.read(4), "big"), image.fp.read(4)
        if kind in (b"IDAT", b""):
            break
        if kind == b"cICP":
            coding = image.fp.read(size)
        position += 12 + size
    image.fp.seek(place)
    return coding


def open_picture(
    source: str | os.PathLike[str] | bytes, most_pixels: int | None = None
) -> Picture:
    """Reads an image file of one of `FORMATS`; see `Picture.of` for what becomes of it.

    Arguments:
        source: path, or bytes of the file.
        most_pixels: a limit of the caller's own on what is decoded.

    Returns:
        A `Picture`.

    Raises:
        ImageUnreadable: missing, empty, not an image, truncated or damaged.
        LimitExceeded: larger than `most_pixels`, Pillow's limit on decompression or the container's
            on sides.
    """
    path = None if isinstance(source, bytes) else Path(source)
    try:
        if path and path.is_fifo():  # It can be read but once.
            source = path.read_bytes()
        if not source or (path and path.is_file() and not path.stat().st_size):
            raise errors.ImageUnreadable("the file is empty")
        with open_image(source) as image:
            if most_pixels is not None and image.width * image.height > most_pixels:
                raise errors.LimitExceeded(
                    f"{image.width}x{image.height}, which is more than {most_pixels} pixels")
            if image.format == "PNG" and _coding_of_png(image) not in (b"", _CODING_OF_SRGB):
                _warn("its colours (cICP), of HDR perhaps, are taken for sRGB")
            return Picture.of(image)
    except (MemoryError, Warning):  # the latter where the caller makes errors of warnings
        raise
    except errors.AlicError as error:
        error.path = path
        raise
    except Image.DecompressionBombError as error:
        limit = f"more than {2 * Image.MAX_IMAGE_PIXELS} pixels"
        raise errors.LimitExceeded(f"too large to read: {limit}", path) from error
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
    if form not in _WITH_METADATA and (picture.exif or picture.icc or picture.xmp):
        _warn(f"{form} has no place for metadata: left out, colours converted to sRGB")
        picture = picture.without_metadata()
    image, stream = picture.image(), io.BytesIO()
    options = dict(image.info)
    if form == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4"}
        for name, most in _JPEG_MAX.items():
            if len(options.get(name, b"")) > most:
                _warn(f"the {name.upper()} data are too long for JPEG, and are left out")
                del options[name]
    elif form == "WEBP" and quality == 100:
        options["lossless"] = True
    elif form in _LOSSY:
        options["quality"] = quality
    elif form == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
        if "xmp" in options:
            tags = image.getexif()
            tags[TiffImagePlugin.XMP] = options["xmp"]
            options["exif"] = tags.tobytes()
    elif form == "PNG" and "xmp" in options:
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt(metadata.XMP_OF_PNG, options["xmp"].decode("utf-8", "replace"))
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
    """Returns the paths in `folder` whose ending is one of `FORMATS`, sorted by name."""
    readable = _readable()
    endings = {ending for ending, form in _formats().items() if form in readable}
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
