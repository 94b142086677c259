"""The codec: picture to .alic bytes, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from alic_tf import efforts, errors, padding, progress
from alic_tf.bitstream import container
from alic_tf.bitstream.quality_steps import DEFAULT_QUALITY, quality_of_step, step_of_quality
from alic_tf.pictures import alpha
from alic_tf.pictures.picture import Picture
from alic_tf.refinement import Refinement
from alic_tf.tiling import Chain, Tiling

if TYPE_CHECKING:
    from PIL import Image

    Data = bytes | bytearray | memoryview
    Pixels = np.ndarray | Image.Image | Picture

# Quantized latents are fixed-point activations, which end at 4096.
LATENT_LIMIT = 4095.0


class _Coded(NamedTuple):
    """A picture's payload and number of lanes, and the latents that it decodes to."""

    payload: bytes
    latent: np.ndarray
    lanes: int
    hyper_latent: np.ndarray


class Codec:
    """A trained model that codes images to real files, exactly decodable on any machine.

        encode: image -> pad -> analyze (float) -> exact entropy model (integers) -> container
        decode: container -> exact entropy model -> latent -> synthesize (float) -> crop -> image

    Latents decode bit for bit; pixels may differ by one level between machines. Large pictures go
    through the networks in tiles, see `Chain`.

    Args:
        model: a built `CompressionModel`.
        exact: its `ExactEntropyModel`.
        model_id: 4 bytes.
        name: for messages.
        tile: largest side in pixels of what goes through the networks at once; by default those of
            the steps of its transform.

    Attributes:
        name, model_id: as given.
        qualities: number of whole qualities; 1 for a model of one rate.
        origin: (function, arguments) that load the codec again, by which it is pickled, or None.
    """

    origin: tuple[Callable[..., Codec], tuple[Any, ...]] | None = None

    def __init__(
        self, model: Any, exact: Any, model_id: bytes, name: str, tile: int | None = None
    ) -> None:
        self.model, self.exact, self.model_id, self.name = model, exact, model_id, name
        self.qualities = model.qualities
        self._stride, self._latent_stride = model.stride, model.latent_stride
        self._padding = model.stride, model.transform.centred

        def tiled(step, finish=np.asarray):
            return _tiling(step if tile is None else step._replace(tile=tile), finish)

        def chain(steps, finish=np.asarray):
            tilings = [tiled(step) for step in steps[:-1]] + [tiled(steps[-1], finish)]
            return Chain(tilings, [step.share for step in steps])

        steps = model.steps()
        self._latent = chain(steps["analysis"])
        self._hyper_latent = tiled(steps["hyper_latent"][0], np.rint)
        self._image = chain(steps["synthesis"], levels)

    def __repr__(self) -> str:
        rates = "one rate" if self.qualities == 1 else f"qualities 1..{self.qualities}"
        return f"<Codec {self.name} ({self.model_id.hex()}), {rates}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.origin is None:
            raise TypeError(f"{self!r} was not loaded from a file, and cannot be pickled")
        return self.origin

    @cached_property
    def _refinement(self) -> Refinement:
        return Refinement(self.model, self.exact.smallest_coded)

    def encode(self, image: Pixels, quality: float | None = None, effort: int = 0) -> bytes:
        """Codes an image.

        Args:
            image: Pillow image, whose metadata travel, or uint8 array [h, w] (grey), [h, w, 3]
                (RGB), or [h, w, 2] or [h, w, 4] (with alpha); see `Picture.of`.
            quality: real number in 1..qualities, rounded to eighths; 4 by default.
                Without meaning for a model of one rate.
            effort: 0 to 9, how long to search for a file that costs less: bits, and its error
                weighted as the quality does. See `refinement` and docs/effort.md.

        Returns:
            bytes of an .alic file.

        Raises:
            LimitExceeded: the image or its metadata are larger than the format allows.
            ImageUnreadable: a Pillow image that is damaged or has floating-point samples.
            ValueError: the array has another type or shape, or quality or effort are out of range.
            AlicError: the networks overflow.
        """
        return self.encode_with_latents(image, quality, effort=effort)[0]

    def encode_many(
        self, images: Sequence[Pixels], quality: float | None = None, effort: int = 0
    ) -> list[bytes]:
        """As `encode`, of each of a list; returns a list. A terminal shows a bar of progress."""
        with progress.bar(len(images)) as advance:
            return [self.encode_with_latents(image, quality, advance, effort)[0]
                    for image in images]

    def decode_many(self, files: Sequence[Data]) -> list[np.ndarray]:
        """As `decode`, of each of a list; returns a list. A terminal shows a bar of progress."""
        with progress.bar(len(files)) as advance:
            return [self.decode_picture(data, advance).array() for data in files]

    def encode_with_latents(
        self, image: Pixels, quality: float | None = None,
        advance: progress.Advance = progress.ignore, effort: int = 0,
    ) -> tuple[bytes, dict[str, np.ndarray]]:  # fmt: skip
        """As `encode`; returns (bytes, the latents as `latents` will find them).

        Args:
            advance: function that is told each share of the work, which is 1, as it is done. During
                a search it may raise `refinement.Enough`; the best so far is coded then.
        """
        picture = Picture.of(image)
        height, width = picture.rgb.shape[:2]
        container.check_size(width, height)
        if quality is None:
            quality = min(DEFAULT_QUALITY, self.qualities)
        if self.qualities > 1 and not 1 <= quality <= self.qualities:
            raise ValueError(f"quality must be in 1..{self.qualities}, not {quality!r}")
        if effort not in range(len(efforts.STEPS)):
            raise ValueError(f"effort must be in 0..{efforts.MOST}, not {effort!r}")
        step = step_of_quality(quality, self.qualities)
        plain = progress.ignore if effort else progress.part(advance, 0.5)
        latent, z = self._analyze(picture.rgb, quality_of_step(step), plain)
        coded = self._code(latent, z, step, plain)
        if effort:
            latent, z = self._search(
                picture.rgb, quality_of_step(step), efforts.STEPS[effort], advance)
            candidates = coded, self._code(latent, z, step)
            coded = min(candidates, key=partial(self._cost, picture.rgb, step))
        header = container.Header(
            self.model_id, quality=step, lanes=coded.lanes, **picture.fields)
        data = container.pack(header, coded.payload)
        return data, {"latent": coded.latent, "hyper_latent": coded.hyper_latent}

    def latents(self, data: Data) -> dict[str, np.ndarray]:
        """Decodes the latents of an .alic file.

        Returns:
            dictionary: latent float32 [h / 16, w / 16, M] (multiples of 2^-12), hyper_latent
            int64 [h / 64, w / 64, hyper latents], for the padded image and the usual strides.

        Raises:
            AlicError: see `alic_tf.errors`; nothing is decoded from a damaged file.
        """
        return self._latents(*self._unpack(data))

    def decode(self, data: Data) -> np.ndarray:
        """Decodes an .alic file to an array: uint8 [h, w, 3], or as many channels as it has.

        Raises:
            AlicError: see `alic_tf.errors`; nothing is decoded from a damaged file.
        """
        return self.decode_picture(data).array()

    def decode_image(self, data: Data) -> Image.Image:
        """As `decode`, to a Pillow image with the metadata of the file in its `info`."""
        return self.decode_picture(data).image()

    def decode_picture(
        self, data: Data, advance: progress.Advance = progress.ignore
    ) -> Picture:
        """As `decode`, to a `Picture`; `advance` as in `encode_with_latents`."""
        header, payload = self._unpack(data)
        if header.alpha:
            alpha.check(header.alpha, header.width, header.height)
        half = progress.part(advance, 0.5)
        latent = self._latents(header, payload, half)["latent"]
        image = self._synthesize(latent, quality_of_step(header.quality), half)
        del latent  # It is as large as what alpha takes.
        rgb = padding.crop(image, header.height, header.width, *self._padding)
        return Picture.decoded(rgb, header)

    def info(self, data: Data) -> dict[str, Any]:
        """What a file's header says, as a dictionary; see `container.Header` for its terms.

        model; quality (real), qualities (number of whole ones), and what `container.described`
        lists.
        """
        header, payload = self._unpack(data)
        return {
            "model": self.name,
            "quality": quality_of_step(header.quality),
            "qualities": self.qualities,
            **container.described(header, payload, len(container.as_bytes(data))),
        }

    def warm_up(self, what: str) -> None:
        """Lets TensorFlow trace the graphs of "encoding" or of "decoding", which takes a second.

        Else the first picture that is encoded, or decoded, takes so much longer.
        """
        if what == "encoding":
            self._analyze(np.zeros((1, 1, 3), "uint8"), 1.0, progress.ignore)
        else:
            side = self._stride // self._latent_stride
            latent = np.zeros((side, side, self.model.latents), "float32")
            self._synthesize(latent, 1.0, progress.ignore)

    def estimate(self, data: Data) -> float:
        """The model's own estimate, in bits, of the entropy of a file's latents.

        From the float networks, for comparison with the real size of the file.
        """
        _, *latents = self._for_networks(data)
        return float(self.model.estimate(*latents)[0])

    def spending(self, data: Data) -> np.ndarray:
        """Where the bits of a file are, by the estimate of the model: bits per pixel.

        From the float networks, which see the latents of the whole picture at once.

        Returns:
            float32 [h, w]; the pixels of a sample of the latent have equal shares of its bits.
        """
        header, *latents = self._for_networks(data)
        side = self._latent_stride
        bits = np.asarray(self.model.spending(*latents, self.exact.smallest_coded))[0] / side**2
        pixels = bits.repeat(side, axis=0).repeat(side, axis=1)
        return padding.crop(pixels, header.height, header.width, *self._padding)

    def _for_networks(self, data):
        """The header of a file, and its latents and quality as a batch for the float networks."""
        header, payload = self._unpack(data)
        latents = self._latents(header, payload)
        return (header, latents["latent"][None].astype("float32"),
                latents["hyper_latent"][None].astype("float32"),
                np.array([quality_of_step(header.quality)], "float32"))

    def _code(self, latent, z, step, advance=progress.ignore):
        """The `_Coded` of latents at a step of quality."""
        return _Coded(*self.exact.at(step).encode(latent, z, advance), z)

    def _cost(self, rgb, step, coded):
        """What a picture's `_Coded` costs, in bits: those of the payload, and its error."""
        quality = quality_of_step(step)
        image = self._synthesize(coded.latent, quality, progress.ignore)
        image = padding.crop(image, *rgb.shape[:2], *self._padding)
        squared_error = sum(np.sum(np.square(a.astype("int32") - b)) for a, b in zip(image, rgb))
        return self._refinement.cost(8 * len(coded.payload), squared_error, quality)

    def _search(self, rgb, quality, steps, advance):
        """As `_analyze`, after so many steps of `Refinement`."""
        height, width = self._padded(rgb)
        counts = np.zeros((height, width, 1), "bool")
        padding.crop(counts, *rgb.shape[:2], *self._padding)[:] = True

        def read(*window):
            pixels = padding.pad(rgb, *self._padding, *window) / np.float32(255)
            return np.concatenate([pixels, counts[window].astype("float32")], axis=-1)

        latent, z = self._refinement(read, height, width, quality, steps, advance)
        return self._codable(latent, np.rint(z))

    def _padded(self, rgb):
        """Height and width of a picture once its sides are multiples of the stride."""
        return [padding.padded_size(size, self._stride) for size in rgb.shape[:2]]

    def _analyze(self, rgb, quality, advance):
        """(latent, float32, and hyper latent, int64) of a picture uint8 [h, w, 3]."""
        height, width = self._padded(rgb)

        def pixels(*window):
            return padding.pad(rgb, *self._padding, *window) / np.float32(255)

        latent = self._latent(pixels, height, width, quality, advance=advance)
        z = self._hyper_latent(lambda *window: latent[window], *latent.shape[:2], quality)
        return self._codable(latent, z)

    def _codable(self, latent, z):
        """Latents within the limits of the coder, the hyper latent as integers."""
        latent, z = (np.clip(x, -LATENT_LIMIT, LATENT_LIMIT, out=x) for x in (latent, z))
        if np.isnan(latent).any() or np.isnan(z).any():
            raise errors.AlicError(f"the networks of {self.name} overflow on this picture")
        return latent, z.astype("int64")

    def _synthesize(self, latent, quality, advance):
        """The padded picture, uint8, of a decoded latent."""

        def part(*window):
            return latent[window].astype("float32")

        return self._image(part, *latent.shape[:2], quality, advance=advance)

    def _unpack(self, data):
        header, payload = container.unpack(data)
        if header.model_id != self.model_id:
            raise errors.UnknownModel(
                f"was written with model {header.model_id.hex()}, "
                f"not with {self.name} ({self.model_id.hex()})"
            )
        steps = step_of_quality(self.qualities, self.qualities)
        if header.quality > steps:
            raise errors.Malformed(f"quality step {header.quality}; {self.name} has up to {steps}")
        return header, payload

    def _latents(self, header, payload, advance=progress.ignore):
        sides = (padding.padded_size(n, self._stride) for n in (header.height, header.width))
        try:
            latent, z = self.exact.at(header.quality).decode(
                payload, *(side // self._latent_stride for side in sides), header.lanes, advance
            )
        except ValueError as error:
            raise errors.Malformed(str(error)) from error
        return {"latent": latent, "hyper_latent": z}


def _tiling(step, finish):
    """`Tiling` of a `Step` of a model, compiled."""
    graph = tf.function(
        # TensorFlow takes functions of the same code for one that is traced again and again, and
        # warns; a partial one it takes for itself.
        partial(step.function),
        input_signature=[
            tf.TensorSpec([1, None, None, step.channels], tf.float32),
            tf.TensorSpec([1], tf.float32),
        ],
        jit_compile=False,
    )
    return Tiling(
        lambda part: step.function(part, tf.ones(1)),
        step.channels,
        step.tile // step.from_stride,
        step.block // step.from_stride,
        step.from_stride,
        step.to_stride,
        lambda part, quality: graph(part, [quality]),
        finish,
        step.reach,
    )


def levels(image):
    """uint8 levels of an image in 0..1.

    Not in the graph that makes the image: its optimizer would merge the factors of both, and a
    level in a million would be another one than from the SavedModel.
    """
    scaled = tf.multiply(255.0, image)  # Of an array, too, by TensorFlow: it may overflow.
    return tf.cast(tf.clip_by_value(tf.round(scaled), 0.0, 255.0), tf.uint8)
