"""Classical codecs through Pillow, with the settings of the points in data/kodak_measured.csv."""

import importlib
import importlib.metadata
import io
from dataclasses import dataclass, field, replace

import numpy as np
import PIL
from PIL import Image, features

from alic_tf import errors


@dataclass(frozen=True)
class Classical:
    """A codec of Pillow at several rates; memory to memory, one thread.

    Arguments:
        name: of the codec.
        format: Pillow's name of the format.
        setting: what is varied: "quality", or "bpp" where a rate is asked for.
        settings: its values.
        options: other arguments of Pillow's encoder.
        encoder: its library, named in reports; for a plugin, its distribution.
        feature: Pillow's name of the library; None for a plugin.
        plugin: module that teaches Pillow the format; None if Pillow knows it.
        effort: the option that says how long the encoder may search; None if there is none.
    """

    name: str
    format: str
    setting: str
    settings: tuple
    options: dict = field(hash=False)
    encoder: str
    feature: str | None = None
    plugin: str | None = None
    effort: str | None = None

    kind = "classical"

    def load(self):
        """Readies Pillow for the format.

        Raises:
            UsageError: Pillow was built without it, or its plugin is not installed.
        """
        if self.feature and not features.check(self.feature):
            raise errors.UsageError(f"{self.name} is not in this build of Pillow")
        if self.plugin:
            try:
                importlib.import_module(self.plugin)
            except ImportError as error:
                raise errors.UsageError(f"{self.name} needs: pip install {self.encoder}") from error
        return self

    def at_effort(self, effort):
        """The same codec, whose encoder searches as long as this number, of its own scale, says.

        Raises:
            UsageError: it has no such option.
        """
        if self.effort is None:
            raise errors.UsageError(f"{self.name} has no efforts")
        return replace(self, name=f"{self.name}-{self.effort}{effort}",
                       options={**self.options, self.effort: effort})

    @property
    def identity(self):
        """What results depend on: versions and settings."""
        options = ", ".join(f"{key}={value}" for key, value in self.options.items())
        find = importlib.metadata.version if self.plugin else features.version
        version = find(self.encoder if self.plugin else self.feature)
        return f"{self.name} (Pillow {PIL.__version__}, {self.encoder} {version}; {options})"

    def scale(self, bpp):
        """Settings of rising rate to search among for a file of about so many bits per pixel."""
        if self.setting == "bpp":
            return [bpp * percent / 100 for percent in range(80, 101)]
        return range(101)

    def encode(self, image, setting):
        """uint8 [h, w, 3] -> bytes of a whole file."""
        options = {self.setting: setting}
        if self.setting == "bpp":  # OpenJPEG is asked for a ratio of compression
            options = {"quality_mode": "rates", "quality_layers": [24 / setting]}
        stream = io.BytesIO()
        try:
            Image.fromarray(image).save(stream, format=self.format, **self.options, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise errors.AlicError(f"{self.name} cannot encode it: {error}") from error
        return stream.getvalue()

    def decode(self, data):
        """bytes of a file -> uint8 [h, w, 3]."""
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image.convert("RGB"))

    def costs(self):
        """Classical codecs have no trained weights to count."""
        return {}


_AVIF = {"speed": 6, "max_threads": 1}

CODECS = {
    codec.name: codec
    for codec in (
        Classical(
            "jpeg", "JPEG", "quality", (3, 5, 8, 10, 13, 16, 20, 25, 30, 40, 50, 60, 70, 80, 85),
            {"optimize": True, "subsampling": "4:2:0"}, "libjpeg-turbo", "libjpeg_turbo",
        ),
        Classical(
            "jpeg2000", "JPEG2000", "bpp",
            (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5),
            {"irreversible": True, "mct": 1}, "OpenJPEG", "jpg_2000",
        ),
        Classical(
            "webp", "WEBP", "quality", (0, 2, 5, 10, 15, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90),
            {"method": 6}, "libwebp", "webp", effort="method",
        ),
        # As good as it gets in PSNR: no subsampling, tuned for PSNR.
        Classical(
            "avif", "AVIF", "quality", (8, 15, 22, 28, 34, 40, 46, 52, 58, 64, 70),
            {"subsampling": "4:4:4", "advanced": {"tune": "psnr"}, **_AVIF}, "libavif", "avif",
            effort="speed",
        ),
        # As people use it: subsampled, tuned for the eye.
        Classical(
            "avif420", "AVIF", "quality", (10, 18, 26, 34, 42, 50, 58, 64, 70, 76),
            {"subsampling": "4:2:0", **_AVIF}, "libavif", "avif", effort="speed",
        ),
        Classical(
            "heic", "HEIF", "quality", (2, 6, 10, 14, 18, 22, 26, 30, 34, 38, 44),
            {"chroma": 444, "enc_params": {"preset": "slow", "tune": "psnr"}},
            "pillow-heif", plugin="pillow_heif.HeifImagePlugin",
        ),
        Classical(
            "jxl", "JXL", "quality", (0, 3, 6, 10, 15, 20, 30, 40, 50, 60, 70, 75, 80, 85),
            {"effort": 7}, "pillow-jxl-plugin", plugin="pillow_jxl", effort="effort",
        ),
    )
}  # fmt: skip
