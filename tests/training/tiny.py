"""Tiny models and pictures, so that trainings take seconds."""

import numpy as np
from PIL import Image

from alic_tf.networks import presets
from alic_tf.training.settings import Settings

# Changes of `dwan`: a packet transform with a parallel entropy model, for two rates.
PACKET = {
    "transform.filters": 8,
    "transform.latents": 16,
    "transform.analysis_units": [1],
    "transform.synthesis_units": [1],
    "entropy.context": "checkerboard",
    "entropy.groups": [16],
    "entropy.hyper_filters": 8,
    "entropy.hyper_latents": 8,
    "entropy.width": 8,
    "lambdas": [0.005, 0.02],
}
# Changes of `fu2022`: a convolutional transform with a serial entropy model, for one rate.
CONVOLUTIONAL = {
    "transform.filters": 8,
    "transform.encoder_blocks": 1,
    "entropy.mixture": "gaussian",
    "lambdas": [0.02],
}

# Changes of `fu2022` that leave what is quickest to build.
BARE = {
    "transform.filters": 8,
    "transform.encoder_blocks": 0,
    "transform.decoder_blocks": 0,
    "transform.attention": False,
    "transform.importance": "none",
    "entropy.mixture": "gaussian",
    "lambdas": [0.02],
}

# Of a training of the light model.
SETTINGS = Settings(set=PACKET, steps=3, batch=2, patch=64, rate=1e-3)


def packet_model():
    return presets.build("dwan", PACKET)


def photographs(count=3, height=96, width=112):
    """Smooth coloured noise, uint8 [height, width + i, 3]."""
    rng = np.random.default_rng(0)
    return [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (12, 14, 3), dtype="uint8")).resize(
                (width + i, height), Image.BICUBIC
            )
        )
        for i in range(count)
    ]


def write_photographs(folder, **sizes):
    """Writes `photographs` as PNG files; returns the folder."""
    folder.mkdir(exist_ok=True)
    for i, photograph in enumerate(photographs(**sizes)):
        Image.fromarray(photograph).save(folder / f"{i}.png")
    return folder
