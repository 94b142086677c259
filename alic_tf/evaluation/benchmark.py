"""Encode and decode times: `python -m alic_tf.evaluation.benchmark --model fu2022 --untrained`.

Medians over runs after a warm-up, loading apart, in this process, on a generated or given image.
An untrained preset is timed with random weights whose latent is scaled so that most symbols are
not zero; its files are no pictures, but its work is that of trained weights or more.
"""

import os
import time

import numpy as np
from absl import app, flags

FLAGS = flags.FLAGS
flags.DEFINE_string("model", "dwan", "shipped model, or preset with --untrained")
flags.DEFINE_bool("untrained", False, "time a preset with random weights")
flags.DEFINE_string("image", None, "picture to code; a generated one of 768x512 by default")
flags.DEFINE_float("quality", 4.0, "quality, for a model of several rates")
flags.DEFINE_integer("runs", 7, "runs of which the median is taken")

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
    from alic_tf.conversion import exact_model
    from alic_tf.models.presets import build

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


def main(argv):
    del argv
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import alic_tf
    from alic_tf import images

    image = images.read(FLAGS.image) if FLAGS.image else synthetic_image()
    codec = untrained_codec(FLAGS.model, image) if FLAGS.untrained else alic_tf.load(FLAGS.model)
    data = codec.encode(image, FLAGS.quality)
    encode = median_seconds(lambda: codec.encode(image, FLAGS.quality), FLAGS.runs)
    decode = median_seconds(lambda: codec.decode(data), FLAGS.runs)
    height, width = image.shape[:2]
    print(
        f"{FLAGS.model}{' (untrained)' * FLAGS.untrained}, {width}x{height}, "
        f"{os.cpu_count()} cores, medians of {FLAGS.runs}: encode {encode:.3f} s, "
        f"decode {decode:.3f} s, {8 * len(data) / (width * height):.3f} bpp"
    )


if __name__ == "__main__":
    app.run(main)
