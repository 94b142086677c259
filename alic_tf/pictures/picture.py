"""A picture as the codec takes and gives it: colours, alpha and metadata; array or Pillow image."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from alic_tf.bitstream.container import Header
from alic_tf.pictures import alpha, metadata, pillow_modes


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture of 8 bits a sample, in the colours that are coded.

    Attributes:
        rgb: uint8 array (height, width, 3); three equal channels if `grey`.
        grey: whether it has one channel of colour only.
        alpha: uint8 array (height, width), or None if it is opaque.
        exif, icc, xmp: metadata as .alic files hold them, empty when absent.
        alpha_form: as what .alic files hold the alpha plane, one of `alpha.FORMS`.
    """

    rgb: np.ndarray
    grey: bool = False
    alpha: np.ndarray | None = None
    exif: bytes = b""
    icc: bytes = b""
    xmp: bytes = b""
    alpha_form: str = "webp"

    @classmethod
    def of(cls, image: Picture | Image.Image | np.ndarray) -> Picture:
        """The picture that is given as a `Picture`, a Pillow image or an array.

        Where alpha is 0, the colours of the image are not kept: see `alpha.fill_hidden`.

        Arguments:
            image: Pillow image of any mode (see `pillow_modes.normalize`), with its metadata; or
                uint8 array (height, width) or (height, width, channels): one channel is grey, two
                are grey and alpha, three RGB, four RGB and alpha.

        Raises:
            TypeError: a path or the bytes of a file.
            ValueError: an array of another type or shape, or without pixels.
            ImageUnreadable, LimitExceeded: a Pillow image that has no agreed meaning in 8 bits,
                or is damaged, or too large.
        """
        if isinstance(image, cls):
            return image
        if isinstance(image, Image.Image):
            colours, plane, *kept = pillow_modes.normalize(image)
            return cls._of_planes(np.asarray(colours), plane, *kept)._filled()
        if isinstance(image, str | bytes | os.PathLike):
            raise TypeError("image must be a Pillow image or an array, not a path or a file's "
                            "bytes: alic_tf.encode takes these")
        array = np.asarray(image)
        planes = array[..., None] if array.ndim == 2 else array
        if array.dtype != np.uint8 or planes.ndim != 3 or planes.shape[2] not in (1, 2, 3, 4):
            raise ValueError(
                "image must be a uint8 array [h, w] or [h, w, 1 to 4], "
                f"not {array.dtype} {array.shape}"
            )
        if not array.size:
            raise ValueError(f"image must have pixels, not be of shape {array.shape}")
        channels = planes.shape[2]
        colours = 1 if channels < 3 else 3
        plane = planes[..., -1] if channels > colours else None
        return cls._of_planes(planes[..., :colours], plane)._filled()

    @classmethod
    def _of_planes(cls, colours, plane, exif=b"", icc=b"", xmp=b""):
        """From colours (height, width), (height, width, 1) or (height, width, 3)."""
        height, width = colours.shape[:2]
        planes = colours.reshape(height, width, -1)
        grey = planes.shape[2] == 1
        return cls(np.broadcast_to(planes, (height, width, 3)), grey, plane, exif, icc, xmp)

    @classmethod
    def decoded(cls, rgb: np.ndarray, header: Header) -> Picture:
        """The picture of an .alic file, from its decoded colours and its `container.Header`.

        Raises:
            Malformed: the alpha plane cannot be decoded.
        """
        plane = alpha.unpack(header.alpha, header.width, header.height) if header.alpha else None
        if header.grey:
            rgb = ((rgb.sum(axis=2, dtype=np.uint16) + 1) // 3).astype(np.uint8)
        return cls._of_planes(rgb, plane, header.exif, header.icc, header.xmp)

    def _filled(self):
        if self.alpha is None:
            return self
        return replace(self, rgb=alpha.fill_hidden(self.rgb, self.alpha > 0))

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The fields of a `container.Header` that this picture determines."""
        height, width = self.rgb.shape[:2]
        return {
            "width": width,
            "height": height,
            "grey": self.grey,
            "alpha": b"" if self.alpha is None else alpha.pack(self.alpha, self.alpha_form),
            "exif": self.exif,
            "icc": self.icc,
            "xmp": self.xmp,
        }

    def array(self) -> np.ndarray:
        """uint8 array [h, w] (grey), [h, w, 2] (grey, alpha), [h, w, 3] or [h, w, 4]."""
        colours = self.rgb[..., :1] if self.grey else self.rgb
        if self.alpha is not None:
            return np.dstack([colours, self.alpha])
        return np.ascontiguousarray(colours[..., 0] if self.grey else colours)

    def image(self) -> Image.Image:
        """Pillow image of mode L, LA, RGB or RGBA, with the metadata in `info`."""
        image = Image.fromarray(self.array())
        image.info |= metadata.info_of(self.exif, self.icc, self.xmp)
        return image

    def on_white(self) -> Picture:
        """The same picture, opaque: laid on white."""
        if self.alpha is None:
            return self
        weight = self.alpha[..., None].astype(np.uint16)
        rgb = (self.rgb * weight + 255 * (255 - weight) + 127) // 255
        return replace(self, rgb=rgb.astype(np.uint8), alpha=None)

    def without_metadata(self) -> Picture:
        """The same picture without EXIF, ICC profile and XMP, its colours converted to sRGB."""
        rgb = self.rgb
        if self.icc:
            image = Image.fromarray(self.rgb[..., 0] if self.grey else self.rgb)
            converted = metadata.to_srgb(image, self.icc)
            rgb = np.asarray(converted).reshape(*rgb.shape[:2], -1)
        rgb = np.broadcast_to(rgb, self.rgb.shape)
        return replace(self, rgb=rgb, exif=b"", icc=b"", xmp=b"")
