"""A picture coded by a model, and by classical codecs with files of its size."""

import contextlib
import secrets
import time
import warnings
from dataclasses import dataclass

import numpy as np

from alic_tf import efforts, errors, metrics, progress
from alic_tf.demo import heat
from alic_tf.evaluation import pictures
from alic_tf.evaluation.baselines import CODECS
from alic_tf.pictures import images
from alic_tf.refinement import Enough

MAX_PIXELS = 16 << 20
# The map of bits comes from the networks that see the whole picture at once.
MAX_PIXELS_OF_MAP = 4 << 20
RIVALS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}
# Part of the blocks whose bits the colours tell apart; few have many more.
BLOCKS_IN_SCALE = 0.98
IDLE = {"stage": "", "done": None}


@dataclass(frozen=True, eq=False)
class Result:
    """What became of a picture.

    Attributes:
        id: text that nobody can guess.
        file: bytes of the .alic file.
        layers: uint8 arrays [h, w, 3] by name: original, decoded, those of `RIVALS` that have a
            file of this size, and bits unless the picture is too large for the map.
    """

    id: str
    file: bytes
    layers: dict


class Workshop:
    """Codes one picture at a time, and keeps the last result.

    While one thread is in `compare`, others may ask for all else.

    Args:
        codec: `Codec`.

    Attributes:
        result: the last `Result`, or None.
        progress: dictionary: stage, a text, empty while there is no work; done, the part of a
            search that is done, or None.
    """

    def __init__(self, codec):
        self.result, self.progress = None, IDLE
        self._codec, self._rivals, self._stopped = codec, _available(), False

    def about(self):
        """Dictionary of what can be asked for: model and its qualities, efforts, limits."""
        return {"model": self._codec.name, "qualities": self._codec.qualities,
                "efforts": efforts.MOST, "pixels": MAX_PIXELS}

    def compare(self, content, quality, effort):
        """Codes a picture, laid on white and without metadata, and compares.

        Args:
            content: bytes of an image file.
            quality, effort: of `Codec.encode`.

        Returns:
            Dictionary for the page: id, width, height, seconds that encoding took, notes (warnings,
            one line each), codecs: a list of dictionaries with layer, name, bytes, bpp, psnr and
            ms_ssim, our own first, of others only the name if they have no file of this size; and
            bits, None or a dictionary: block (its side in pixels), highest (bits of a block that
            have the last colour), colours.

        Raises:
            UsageError: quality or effort are out of range.
            AlicError: the picture cannot be read or coded, or is too large.
        """
        self._stopped = False
        try:
            return self._compare(content, quality, effort)
        except MemoryError as error:
            raise errors.LimitExceeded("too large for the memory of this machine") from error
        finally:
            self.progress = IDLE

    def stop(self):
        """Ends the search, if there is one; the best file so far is taken."""
        self._stopped = True

    def _compare(self, content, quality, effort):
        self._enter("reading")
        picture, notes = _read(content)
        original = picture.rgb
        self._enter("searching" if effort else "encoding", 0 if effort else None)
        start = time.perf_counter()
        data = self._encode(picture, quality, effort)
        seconds = time.perf_counter() - start
        self._enter("decoding")
        layers = {"original": original, "decoded": self._codec.decode_picture(data).rgb}
        codecs = [_judged("decoded", self._codec.name, len(data), original, layers["decoded"])]
        for rival in self._rivals:
            name = RIVALS[rival.name]
            self._enter(f"{name} at {len(data)} bytes")
            file = pictures.at_most(rival, original, len(data))
            if file is None:
                codecs.append({"name": name})
                continue
            layers[rival.name] = rival.decode(file)
            codecs.append(_judged(rival.name, name, len(file), original, layers[rival.name]))
        bits = None
        if original.shape[0] * original.shape[1] <= MAX_PIXELS_OF_MAP:
            self._enter("map of bits")
            layers["bits"], bits = self._map(data)
        height, width = original.shape[:2]
        self.result = Result(secrets.token_hex(8), data, layers)
        return {"id": self.result.id, "width": width, "height": height, "seconds": seconds,
                "notes": notes, "codecs": codecs, "bits": bits}

    def _encode(self, picture, quality, effort):
        advance = self._advance if effort else progress.ignore
        try:
            return self._codec.encode_with_latents(picture, quality, advance, effort)[0]
        except ValueError as error:
            raise errors.UsageError(str(error)) from error

    def _map(self, data):
        """Picture of the bits of each block of a file, and what its colours say."""
        side = self._codec.model.latent_stride
        bits = self._codec.spending(data) * side**2
        highest = max(1.0, float(np.quantile(bits, BLOCKS_IN_SCALE)))
        scale = {"block": side, "highest": highest, "colours": heat.COLOURS}
        return heat.heat(bits, highest), scale

    def _enter(self, stage, done=None):
        self.progress = {"stage": stage, "done": done}

    def _advance(self, share):
        self._enter(self.progress["stage"], self.progress["done"] + share)
        if self._stopped:
            raise Enough


def _available():
    """The classical codecs that this build of Pillow has."""
    found = []
    for name in RIVALS:
        with contextlib.suppress(errors.UsageError):
            found.append(CODECS[name].load())
    return found


def _read(content):
    """(`Picture`, notes) of the bytes of an image file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", category=errors.ImageWarning)
        warnings.filterwarnings("always", module="PIL")
        picture = images.open_picture(content, MAX_PIXELS)
    notes = [" ".join(str(warning.message).split()) for warning in caught]
    if picture.alpha is not None:
        notes.append("transparency laid on white")
    return picture.on_white().without_metadata(), notes


def _judged(layer, name, size, original, decoded):
    """What the page says of a codec: its file of so many bytes, and the picture from it."""
    return metrics.finite({
        "layer": layer, "name": name, "bytes": size,
        "bpp": 8 * size / (original.shape[0] * original.shape[1]),
        "psnr": metrics.psnr(original, decoded), "ms_ssim": metrics.ms_ssim(original, decoded),
    })  # fmt: skip
