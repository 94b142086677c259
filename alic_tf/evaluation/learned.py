"""Our own models, as the evaluation sees codecs; TensorFlow is imported when one is used."""

import functools
import importlib.metadata

import numpy as np

import alic_tf
from alic_tf import efforts, errors, storage, zoo
from alic_tf.bitstream.quality_steps import quality_of_step, step_of_quality


class Learned:
    """A model of the zoo at its whole qualities, with the interface of `baselines.Classical`.

    Args:
        name: of a shipped model, or path of an exported one.
        qualities: whole qualities to measure; None for all. A model of one rate has only 1.
        effort: of `Codec.encode`.

    Raises:
        UsageError: no such model, quality or effort.
    """

    kind = "learned"
    setting = "quality"

    def __init__(self, name, qualities=None, effort=0):
        self._effort = effort
        try:
            self._path = zoo.find(name)
            self._configuration = storage.read_configuration(self._path)
        except errors.UnknownModel as error:
            raise errors.UsageError(str(error)) from error
        self.name = self._path.resolve().parent.name  # two exports of one model may be compared
        known = range(1, len(self._configuration["lambdas"]) + 1)
        self.settings = tuple(q for q in known if qualities is None or q in qualities)
        if not self.settings:
            raise errors.UsageError(f"{self.name} has the qualities {known[0]} to {known[-1]}")
        if effort > efforts.MOST:
            raise errors.UsageError(f"{self.name} has the efforts 0 to {efforts.MOST}")
        if effort:
            self.name += f"-effort{effort}"

    @property
    def identity(self):
        """What results depend on: the weights, and the program that runs them."""
        version = importlib.metadata.version("tensorflow")
        return f"{self.name} (model {self._configuration['id']}, TensorFlow {version})"

    def load(self):
        """Loads the model, and runs it once, so that times are those of later runs."""
        blank = np.full((64, 64, 3), 128, "uint8")
        self.decode(self.encode(blank, self.settings[0]))
        return self

    def scale(self, bpp):
        """As `baselines.Classical.scale`: all qualities that a file can have."""
        del bpp
        qualities = len(self._configuration["lambdas"])
        return [quality_of_step(i) for i in range(step_of_quality(qualities, qualities) + 1)]

    def encode(self, image, setting):
        """uint8 [h, w, 3] -> bytes of a whole file."""
        return self._codec.encode(image, setting, self._effort)

    def decode(self, data):
        """bytes of a file -> uint8 [h, w, 3]."""
        return self._codec.decode(data)

    def costs(self):
        """Number of trained weights, bytes of the model file, work per pixel (`macs_per_pixel`)."""
        from alic_tf.evaluation.complexity import macs_per_pixel

        _, weights, _ = storage.load(self._path)
        return {
            "parameters": sum(array.size for array in weights.values()),
            "model_bytes": self._path.stat().st_size,
            "macs_per_pixel": macs_per_pixel(self._codec.model),
        }

    @functools.cached_property
    def _codec(self):
        return alic_tf.load(self._path)
