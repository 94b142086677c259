"""The shortest way to the codec: functions of pictures, files and bytes.

TensorFlow is imported by the first call that needs it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from alic_tf import errors

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from alic_tf.codec import Codec
    from alic_tf.pictures.picture import Picture

    Source = str | os.PathLike[str] | bytes | bytearray | memoryview


def load(name: str | os.PathLike[str] = "dwan") -> Codec:
    """The `Codec` of a shipped model, or of a folder or file of an exported one.

    Raises:
        alic_tf.errors.UnknownModel: no such model; the message lists those there are.
    """
    from alic_tf import zoo

    return zoo.load(name)


def models() -> dict[str, dict[str, Any]]:
    """The shipped models by name.

    Returns:
        dictionaries: id (hex), qualities (number of whole ones), lambdas.
    """
    from alic_tf import storage, zoo

    stored = {name: storage.read_configuration(zoo.find(name)) for name in zoo.names()}
    return {
        name: {"id": one["id"], "qualities": len(one["lambdas"]), "lambdas": one["lambdas"]}
        for name, one in stored.items()
    }


def encode(
    image: Source | np.ndarray | Image.Image | Picture,
    model: str | os.PathLike[str] = "dwan",
    quality: float | None = None,
    max_bytes: int | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    effort: int = 0,
) -> bytes:
    """Codes a picture.

    Args:
        image: path or bytes of an image file; Pillow image; or uint8 array [h, w] (grey),
            [h, w, 3], or with alpha [h, w, 2] or [h, w, 4].
        model: see `load`.
        quality: from 1, the smallest file, to the number of the model's qualities; 4 by default.
        max_bytes, target_bpp: instead, the best quality with at most so many bytes, or bits per
            pixel.
        target_psnr: instead, the smallest file with at least so many dB.
        effort: 0 to 9, how long to search for a file that costs less; see docs/effort.md.

    Returns:
        bytes of an .alic file.

    Raises:
        ValueError: quality or effort are out of range, or an array is no picture; or several of
            quality and targets are given.
        alic_tf.errors.AlicError: see `alic_tf.errors`.
    """
    from alic_tf import targets, zoo
    from alic_tf.pictures import images
    from alic_tf.pictures.picture import Picture

    given = {"bytes": max_bytes, "bpp": target_bpp, "psnr": target_psnr}
    asked = {kind: value for kind, value in given.items() if value is not None}
    if len(asked) + (quality is not None) > 1:
        raise ValueError("give one of quality, max_bytes, target_bpp and target_psnr")
    if isinstance(image, bytearray | memoryview):
        image = bytes(image)
    if isinstance(image, str | os.PathLike | bytes):
        image = images.open_picture(image)
    picture = Picture.of(image)
    codec = zoo.shared(model)
    for kind, value in asked.items():
        return targets.search(codec, picture, targets.Target(kind, value), effort).data
    return codec.encode(picture, quality, effort)


def decode(data: Source) -> np.ndarray:
    """Decodes the path or the bytes of an .alic file with the shipped model that it names.

    Returns:
        uint8 array [h, w, 3], or [h, w] (grey), or with alpha [h, w, 2] or [h, w, 4].

    Raises:
        alic_tf.errors.AlicError: see `alic_tf.errors`; nothing is decoded from a damaged file.
    """
    from alic_tf import zoo
    from alic_tf.bitstream import container

    content = _content(data)
    header, _ = container.unpack(content)
    return zoo.load_by_id(header.model_id).decode(content)


def info(data: Source) -> dict[str, Any]:
    """What the header of an .alic file, path or bytes, says; needs no TensorFlow.

    Returns:
        dictionary: model (its name), quality (real) and qualities (number of whole ones), None
        if the model is not shipped; id (hex), width, height, grey, step (of the quality, in
        eighths), lanes; bytes of the whole file and, as payload, alpha, exif, icc and xmp, of its
        parts; bpp, bits per pixel.

    Raises:
        alic_tf.errors.AlicError: the file is damaged.
    """
    from alic_tf import zoo
    from alic_tf.bitstream import container
    from alic_tf.bitstream.quality_steps import quality_of_step

    content = _content(data)
    header, payload = container.unpack(content)
    model = zoo.describe(header.model_id)
    return {
        "model": model and model["name"],
        "id": header.model_id.hex(),
        "quality": model and quality_of_step(header.quality),
        "qualities": model and len(model["lambdas"]),
        **container.described(header, payload, len(content)),
    }


def _content(data: Source) -> bytes:
    """The bytes of a file that is given as its path, or as what `container.as_bytes` takes."""
    from alic_tf.bitstream import container

    if not isinstance(data, str | os.PathLike):
        return container.as_bytes(data)
    try:
        with open(data, "rb") as file:
            return file.read()
    except OSError as error:
        raise errors.AlicError(f"cannot be read: {error.strerror}", data) from error
