"""The tiny codec of the conformance vectors, and the SavedModel of it."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from alic_tf import zoo
from alic_tf.serving import export
from tests.conformance import vectors

MAX_PIXELS = 2**15


@pytest.fixture(scope="session")
def codec(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "parallel.npz"
    vectors.unpack_model("parallel", path)
    return zoo.load(path)


@pytest.fixture(scope="session")
def served(codec, tmp_path_factory):
    """codec; path of its SavedModel; signatures, and as functions of arrays to arrays."""
    path = tmp_path_factory.mktemp("serving") / "tiny" / "1"
    export.save(codec, path, MAX_PIXELS, warmup=True)
    loaded = tf.saved_model.load(str(path)).signatures

    def caller(name):
        def call(**inputs):
            outputs = loaded[name](**{key: tf.constant(value) for key, value in inputs.items()})
            return {key: value.numpy() for key, value in outputs.items()}

        return call

    return SimpleNamespace(
        codec=codec, path=path, signatures=loaded, **{name: caller(name) for name in loaded})


@pytest.fixture(scope="session")
def photograph():
    """Function of (height, width, channels) to a picture: smooth colours with some noise."""
    def make(height, width, channels=3):
        rng = np.random.default_rng(height)
        coarse = rng.uniform(0, 255, (height // 16 + 2, width // 16 + 2, channels))
        image = coarse.repeat(16, 0).repeat(16, 1)[:height, :width]
        image = np.clip(image + rng.normal(size=image.shape) * 8, 0, 255).astype("uint8")
        return image[..., 0] if channels == 1 else image

    return make
