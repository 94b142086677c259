"""What is done with a picture: `DoFn`s around a codec that a worker process loads once."""

import time

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics

from alic_tf import errors
from alic_tf.command import codecs
from alic_tf.evaluation import runner
from alic_tf.pictures import images

FAILURES = "failures"
SIZE = ("picture", "quality", "width", "height", "bytes", "bpp")


class Work(beam.DoFn):
    """Takes a `fileio.ReadableFile`, gives what `results` makes of the picture in it.

    A picture that fails, for whatever reason, gives a row under the tag FAILURES, of the columns
    `FAILURE`, and nothing else. Names of pictures are their paths after `start`.

    Args:
        start: what the paths of all pictures begin with.
        model: name of a shipped model, or path of an exported one, on the worker.
    """

    FAILURE = ("picture", "error")
    COLUMNS = SIZE
    WARM = ("encoding",)

    def __init__(self, start, model):
        self.start, self.model = start, model
        self.counts = {name: Metrics.counter("alic", name) for name in ("pictures", FAILURES)}

    def setup(self):
        # Threads of a process share its codec.
        self.codec = codecs.encoder(self.model)
        for what in self.WARM:
            codecs.warm_up(self.codec, what)

    def process(self, file):
        name = file.metadata.path.removeprefix(self.start)
        try:
            results = list(self.results(name, file.read()))
        except Exception as error:  # of every type: whatever one picture may cause, others go on
            kind = "" if isinstance(error, errors.AlicError) else f"{type(error).__name__}: "
            self.counts[FAILURES].inc()
            yield beam.pvalue.TaggedOutput(
                FAILURES, {"picture": name, "error": kind + " ".join(str(error).split())})
        else:
            self.counts["pictures"].inc()
            yield from results

    def results(self, name, data):
        """Yields results of the bytes of an image file."""
        raise NotImplementedError


class Encode(Work):
    """Gives (row of `COLUMNS`, bytes of the .alic file): those of `Codec.encode`."""

    COLUMNS = (*SIZE, "encode_seconds")

    def __init__(self, start, model, quality):
        super().__init__(start, model)
        self.quality = quality

    def results(self, name, data):
        picture = images.open_picture(data)
        begin = time.perf_counter()
        coded = self.codec.encode(picture, self.quality)
        seconds = time.perf_counter() - begin
        height, width = picture.rgb.shape[:2]
        row = (name, self.quality, width, height, len(coded), 8 * len(coded) / (width * height))
        yield dict(zip(self.COLUMNS, (*row, seconds))), coded


class Evaluate(Work):
    """Gives a row of `COLUMNS` per quality; transparency is laid on white."""

    COLUMNS = (*SIZE, "psnr", "ssim", "ms_ssim", "encode_seconds", "decode_seconds")
    WARM = ("encoding", "decoding")

    def __init__(self, start, model, qualities):
        super().__init__(start, model)
        self.qualities = qualities

    def results(self, name, data):
        image = np.array(images.open_picture(data).on_white().rgb)
        for quality in self.qualities:
            measured = runner.measured(self.codec, image, quality)
            yield {"picture": name, "quality": quality, **measured}
