"""Encode and decode times: `python -m alic_tf.evaluation.benchmark --model fu2022 --untrained`.

Medians over runs after a warm-up, loading apart, in this process, on a generated or given image.
An untrained preset is timed with random weights whose latent is scaled so that most symbols are
not zero; its files are no pictures, but its work is that of trained weights or more.
"""

import os
import sys
import time

import numpy as np

from alic_tf import flags
from alic_tf.bitstream.quality_steps import DEFAULT_QUALITY
from alic_tf.flags import Flag

USAGE = "usage: python -m alic_tf.evaluation.benchmark [--model NAME] [--untrained] ...\n"
FLAGS = (
    Flag("string", "model", "dwan", "NAME", "shipped model, or preset with --untrained"),
    Flag("boolean", "untrained", False, "", "time a preset with random weights"),
    Flag("string", "image", None, "FILE", "picture to code; a generated one of 768x512 by default"),
    Flag("float", "quality", DEFAULT_QUALITY, "Q", "quality, for a model of several rates"),
    Flag("integer", "runs", 7, "N", "runs of which the median is taken", bounds=(1, None)),
    flags.HELP,
)  # fmt: skip

# Deviation of the latents of untrained models: more bits than trained ones would ask for.
LATENT_DEVIATION = 1.0


def synthetic_image(height=512, width=768, seed=0):
    """uint8 [height, width, 3] with the spectrum of a photograph, 1/f, in every channel."""
    rng = np.random.default_rng(seed)
    frequencies = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    spectrum = np.fft.fft2(rng.normal(size=(3, height, width)))
    spectrum /= np.maximum(frequencies, 1 / max(height, width))
    image = np.fft.ifft2(spectrum).real.transpose(1, 2, 0)
    return np.clip(127.5 + 50 * (image - image.mean()) / image.std(), 0, 255).astype("uint8")


def untrained_codec(preset, image):
    """A `Codec` of a preset with random weights, its latent scaled to `LATENT_DEVIATION`."""
    from alic_tf.codec import Codec
    from alic_tf.networks.presets import build
    from alic_tf.networks.to_integer import exact_model

    model = build(preset)
    if model.transform_config["kind"] == "convolutional":
        head = model.transform.analysis.head[0].kernel
        sample = image[None, :256, :256] / np.float32(255)
        for _ in range(2):  # the attention behind the layer is only nearly linear
            latent, _ = model.analyze(sample, np.ones(1, "float32"))
            head.assign(head * (LATENT_DEVIATION / np.std(latent)))
    return Codec(model, exact_model(model), bytes(4), preset)


def median_seconds(function, runs):
    """Median wall-clock seconds of a call, after one that is not counted."""
    function()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def run(argv):
    """Times a model and prints a line; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    import alic_tf
    from alic_tf.pictures import images

    image = images.read(values.image) if values.image else synthetic_image()
    load = (lambda name: untrained_codec(name, image)) if values.untrained else alic_tf.load
    codec = load(values.model)
    data = codec.encode(image, values.quality)
    encode = median_seconds(lambda: codec.encode(image, values.quality), values.runs)
    decode = median_seconds(lambda: codec.decode(data), values.runs)
    height, width = image.shape[:2]
    print(
        f"{values.model}{' (untrained)' * values.untrained}, {width}x{height}, "
        f"{os.cpu_count()} cores, medians of {values.runs}: encode {encode:.3f} s, "
        f"decode {decode:.3f} s, {8 * len(data) / (width * height):.3f} bpp"
    )
    return 0


if __name__ == "__main__":
    sys.exit(flags.main(run, sys.argv))
