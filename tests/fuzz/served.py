"""What nobody meant to send to a model server: mutations of pictures and of .alic files."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import tensorflow as tf
from PIL import Image

from alic_tf.bitstream import container
from alic_tf.pictures import alpha
from alic_tf.serving.servable import Servable
from tests.fuzz import streams

SIDES = (0, 1, 2, 255, 256, 4096, 2**15, 2**16 - 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
QUALITY = 4.0
LARGEST = 2**20
# Where the sides of a picture are in its file: after how many bytes, and in which form.
_PLACES = {b"\x89": (16, ">II"), b"B": (18, "<II"), b"G": (6, "<HH"), b"\xff": (None, ">HH")}


class Target:
    """Requests with a file to all functions that take one; each is answered, if with an error.

    Args:
        codec: `Codec`.
        max_pixels: limit of the functions.
        functions: of a `Servable` with this limit, by name; made here if not given.
    """

    ending, success = ".bin", "outputs"

    def __init__(self, codec, max_pixels, functions=None):
        self._max_pixels = max_pixels
        self._functions = functions or Servable(codec, max_pixels).functions()
        self.pictures = _pictures()
        self.files = [_with_png(file) for file in streams.corpus(codec)]
        self._opaque = container.unpack(codec.encode(_image(), QUALITY))
        self.good = self.files + self.pictures

    def mutant(self, rng):
        """Bytes of no good file."""
        if rng.random() < 0.5:
            return streams.mutant(self.files, rng)
        data = self.pictures[rng.integers(len(self.pictures))]
        for _ in range(rng.geometric(0.5)):
            choice = rng.integers(4)
            if choice == 0 and data[:1] in _PLACES:
                data = _with_sides(data, rng)
            elif choice == 1:
                start, stop = np.sort(rng.integers(0, len(data) + 1, 2))
                data = data[:start] + data[start:stop] * int(rng.integers(2, 60)) + data[stop:]
            else:
                data = streams.damaged(data or b"?", self.pictures, rng)
            data = data[:LARGEST]
        data = _with_checksums(data) if rng.random() < 0.5 else data
        header, payload = self._opaque
        return data if rng.random() < 0.7 else container.pack(replace(header, alpha=data), payload)

    def outcome(self, data):
        """What becomes of bytes: "outputs" of some function, or "refused" by all.

        Raises:
            AssertionError: outputs that are wrong, or some beside an error.
            Any exception: no request may fail as a whole.
        """
        coded = self._answer("encode", image_bytes=[data], quality=[QUALITY])
        info, decoded, latents = (
            self._answer(name, alic_bytes=[data]) for name in ("info", "decode", "latents"))
        if coded:
            header, _ = container.unpack(coded["alic_bytes"])
            assert header.width * header.height <= self._max_pixels
        if decoded:
            image = Image.open(io.BytesIO(decoded["png_bytes"]))
            assert image.size == (info["width"], info["height"])
            assert image.width * image.height <= self._max_pixels
            assert image.mode.endswith("A") == bool(info["alpha"])
        if latents:
            images = self._answer("decode_latents", latents=latents["latents"][None],
                                  quality=[info["quality"]])
            assert 0 < images["images"].size <= 3 * self._max_pixels
        return "outputs" if coded or decoded or latents else "refused"

    def _answer(self, name, **inputs):
        """Outputs for one example by name, nothing if it is refused."""
        answer = self._functions[name](
            **{key: tf.constant(value) for key, value in inputs.items()})
        outputs = {key: value.numpy()[0] for key, value in answer.items()}
        error = outputs.pop("error").decode()
        if error:
            assert "\n" not in error and not any(map(np.count_nonzero, outputs.values()))
            return {}
        return outputs


def _image():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (9, 12, 3), "uint8").repeat(4, 0).repeat(4, 1)


def _with_png(file):
    """An .alic file whose alpha plane, if it has one, is PNG."""
    header, payload = container.unpack(file)
    if not header.alpha:
        return file
    plane = alpha.unpack(header.alpha, header.width, header.height)
    return container.pack(replace(header, alpha=alpha.pack(plane, "png")), payload)


def _pictures():
    """Small pictures of all formats and kinds that are encoded."""
    image = _image()
    pictures = [Image.fromarray(image), Image.fromarray(image[..., 0])]
    files = [_file(picture, form, **options) for picture in pictures for form, options in (
        ("PNG", {}), ("BMP", {}), ("GIF", {}), ("JPEG", {}), ("JPEG", {"progressive": True}),
        ("GIF", {"save_all": True, "append_images": pictures, "comment": b"comment"}))]
    files += [_file(pictures[0].convert(mode), "PNG") for mode in ("P", "1", "RGBA")]
    files += [_file(Image.fromarray(image[..., channels]), "PNG")
              for channels in ([0, 1, 2, 1], [0, 1])]
    return [*files, _file(pictures[0].convert("CMYK"), "JPEG")]


def _file(picture, form, **options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def _with_sides(data, rng):
    """A picture whose header gives other sides."""
    place, form = _PLACES[data[:1]]
    if place is None:  # After the marker that begins a frame, a length and a depth.
        place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
    size = struct.calcsize(form)
    sides = (int(rng.choice(SIDES)) % 2**(4 * size) for _ in range(2))
    return data[:place] + struct.pack(form, *sides) + data[place + size:]


def _with_checksums(data):
    """A PNG file with the right checksum for each of its chunks; other files as they are."""
    position = 8
    while data.startswith(b"\x89PNG") and position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position:position + 4], "big")
        if end + 4 > len(data):
            break
        checksum = zlib.crc32(data[position + 4:end]).to_bytes(4, "big")
        data, position = data[:end] + checksum + data[end + 4:], end + 4
    return data
