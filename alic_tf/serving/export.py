"""Writing a codec as a SavedModel that TensorFlow Serving loads as it is."""

import os
import sys
import tempfile
from pathlib import Path

import tensorflow as tf

from alic_tf.serving import warmup as requests
from alic_tf.serving.servable import Servable


def save(codec, out, max_pixels, warmup=False):
    """Writes a SavedModel at once.

    Args:
        codec: the `Codec`.
        out: folder that does not exist yet.
        max_pixels: larger pictures are refused.
        warmup: whether to add requests with which a server warms up; left out, with a line on
            stderr, where the package tensorflow-serving-api is not installed.
    """
    servable = Servable(codec, max_pixels)
    functions = servable.functions()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export_", dir=out.parent) as folder:
        saved = Path(folder, out.name)
        signatures = {"serving_default": functions["decode"], **functions}
        tf.saved_model.save(servable, str(saved), signatures)
        if warmup and not requests.write(codec, saved):
            print("warm-up requests are left out: pip install --no-deps tensorflow-serving-api",
                  file=sys.stderr)
        os.replace(saved, out)
