"""Uses every public name with its types; mypy checks it strictly, and test_api.py runs it."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import alic_tf
from alic_tf import Codec, Picture, errors


def run(path: Path, model: str | Path) -> None:
    """Codes the picture of a file, with a model, in every way that there is."""
    codec: Codec = alic_tf.load(model)
    image: Image.Image = Image.open(path)
    picture: Picture = Picture.of(image)
    data: bytes = codec.encode(image, quality=2)
    data = codec.encode(picture, effort=0)
    latents: dict[str, np.ndarray] = codec.latents(data)
    coded, same = codec.encode_with_latents(picture.array())
    assert all(np.array_equal(latents[name], same[name]) for name in latents)
    array: np.ndarray = codec.decode(bytearray(coded))
    arrays: list[np.ndarray] = codec.decode_many(codec.encode_many([array]))
    decoded: Image.Image = codec.decode_image(memoryview(data))
    bits: float = codec.estimate(data)
    said: dict[str, Any] = codec.info(data)
    kept: Picture = codec.decode_picture(data).on_white().without_metadata()
    assert decoded.size == kept.image().size == (said["width"], said["height"]) and bits > 0
    assert arrays[0].shape == array.shape and (codec.name, len(codec.model_id), codec.qualities)

    listed: dict[str, dict[str, Any]] = alic_tf.models()
    by_path: bytes = alic_tf.encode(str(path), model, max_bytes=len(data), effort=0)
    more: bytes = alic_tf.encode(array, model, target_psnr=1.0)
    assert alic_tf.info(by_path)["bytes"] <= len(data) and len(more) > 0 and len(listed) >= 0
    again: np.ndarray = codec.decode(more)
    assert again.dtype == np.uint8
    try:
        alic_tf.decode(b"ALIC")
    except errors.AlicError as error:
        code: int = error.exit_code
        assert code == 1 and error.cause and str(error)
