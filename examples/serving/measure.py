"""Times encode and decode of a SavedModel in this process, without a server: medians of 5.

    python measure.py saved_models/dwan_serving/1 photo.png [QUALITY ...]

Needs TensorFlow only.
"""

import os
import sys
import time
from pathlib import Path
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def seconds(function, runs=5):
    """(first call, median of the following ones, what the last one returned)."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return times[0], median(times[1:]), result


def main(saved, picture, *qualities):
    import tensorflow as tf

    signatures = tf.saved_model.load(saved).signatures
    image_bytes = tf.constant([Path(picture).read_bytes()])
    for quality in map(float, qualities or (1, 4, 8)):
        first_encode, encode, coded = seconds(lambda quality=quality: signatures["encode"](
            image_bytes=image_bytes, quality=tf.constant([quality])))
        files = coded["alic_bytes"]
        first_decode, decode, _ = seconds(lambda files=files: signatures["decode"](
            alic_bytes=files))
        size = len(files.numpy()[0])
        print(f"quality {quality:g}: {size} bytes, "
              f"encode {encode:.3f} s (first {first_encode:.1f}), "
              f"decode {decode:.3f} s (first {first_decode:.1f})", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
