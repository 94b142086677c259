"""What graphics are made of: words, fonts, colours, photographs."""

import colorsys
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from PIL import ImageFont

ROOT = Path(__file__).resolve().parents[2]
# Files of this repository whose words are used. Pictures to train on and pictures to test on share
# neither texts nor fonts nor photographs.
TEXTS = {
    "train": ["README.md", "docs/training.md", "docs/format.md", "docs/serving.md"],
    "test": ["LICENSE", "docs/systems.md"],
}


@dataclass(frozen=True)
class Source:
    """Draws words, colours and fonts; everything follows from the generator.

    Attributes:
        rng: `numpy.random.Generator`.
        words: list of words in the order of a text.
        fonts: paths of TrueType fonts with Latin letters.
        photographs: list of uint8 arrays [h, w, 3].
    """

    rng: np.random.Generator
    words: list
    fonts: list
    photographs: list

    @classmethod
    def of(cls, part, photographs, rng):
        """The source of a part, "train" or "test"; photographs as in `Source`."""
        words = " ".join((ROOT / name).read_text() for name in TEXTS[part]).split()
        return cls(rng, words, _fonts(part), photographs[0 if part == "train" else 1 :: 2])

    def pick(self, options):
        """One of a sequence."""
        return options[int(self.rng.integers(len(options)))]

    def whole(self, low, high):
        """A whole number in low..high."""
        return int(self.rng.integers(low, high + 1))

    def text(self, low, high):
        """Between `low` and `high` words that follow one another."""
        count = self.whole(low, high)
        start = self.whole(0, max(len(self.words) - count, 0))
        return " ".join(self.words[start : start + count])

    def font(self, size):
        """A font of so many pixels."""
        return ImageFont.truetype(self.pick(self.fonts), size)

    def colour(self, saturation=(0.0, 1.0), value=(0.0, 1.0)):
        """A colour, three whole numbers in 0..255, of any hue."""
        rgb = colorsys.hsv_to_rgb(
            self.rng.random(), self.rng.uniform(*saturation), self.rng.uniform(*value)
        )
        return tuple(round(255 * x) for x in rgb)

    def contrast(self, colour):
        """A colour that can be read on another one."""
        light = sum(colour) > 380
        return self.colour((0, 0.9), (0, 0.45) if light else (0.75, 1))

    def size(self):
        """Width and height of a picture."""
        return self.whole(512, 1024), self.whole(448, 768)


@functools.cache
def _fonts(part):
    """Paths of the fonts of a part, those of the system and those that come with matplotlib."""
    bundled = Path(font_manager.findfont("DejaVu Sans")).parent.glob("DejaVu*.ttf")
    fonts = sorted({*font_manager.findSystemFonts(fontext="ttf"), *map(str, bundled)})
    own = [path for path in fonts if len(Path(path).stem) % 2 == (part == "test")]
    return [path for path in own if _is_latin(path)]


def _is_latin(path):
    """Whether a font has letters for an English text, no boxes."""
    try:
        font = ImageFont.truetype(str(path), 16)
        letters = {bytes(font.getmask(letter)) for letter in "abgknsRW5"}
    except (OSError, ValueError):
        return False
    return len(letters) == 9
