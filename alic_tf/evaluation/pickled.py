"""What the authors' own files of a quantized autoencoder would take, beside those of this codec.

    python -m alic_tf.evaluation.pickled --model runs/qae_model --data kodak/
"""

import math
import os
import pickle
import sys

import numpy as np

from alic_tf import errors, flags
from alic_tf.flags import Flag
from alic_tf.pictures import images

USAGE = """\
usage: python -m alic_tf.evaluation.pickled --model MODEL --data DIR

Sizes in bytes, for a model with a quantized transform: of the .alic files, and of the files that
the program of its authors would write for the same latents.
"""
FLAGS = (
    Flag("string", "model", "qae", "NAME", "model: a name, or the folder or file of an exported "
         "one"),
    Flag("string", "data", None, "DIR", "folder of pictures"),
    flags.HELP,
)  # fmt: skip

# Of their adaptive model: what a probability keeps with every symbol, and the least there is.
KEPT = 1 - 2**-10
LEAST = 2**-12


def original_bytes(levels, bits):
    """Size of the authors' file: an arithmetic code as a pickled decimal number.

    Args:
        levels: integers (height, width, channels), 0 to 2^bits.
        bits: see above.

    Returns:
        (bytes, bits of the arithmetic code). The latter are the ideal ones, fewer than their coder
        with its probabilities of twelve bits needs.
    """
    probabilities = np.full(2**bits + 1, 1 / (2**bits + 1))
    code = 0.0
    for level in levels.transpose(2, 0, 1).reshape(-1):
        code -= math.log2(probabilities[level] / probabilities.sum())
        probabilities *= KEPT
        probabilities[level] += 1 - KEPT
        np.maximum(probabilities, LEAST, out=probabilities)
    # The number has a leading one, and goes behind the three sides of the latent.
    digits = math.floor((code + 1) * math.log10(2)) + 1
    sides = "_".join(str(levels.shape[i]) for i in (2, 0, 1))
    return len(pickle.dumps(f"{sides},{'1' * digits}")), code


def run(argv):
    """Parses the command line and prints the sizes; returns the exit code."""
    values = flags.read(argv, USAGE, FLAGS)
    if values is None:
        return 0
    if values.data is None or not os.path.isdir(values.data):
        raise errors.UsageError("give --data, a folder of pictures")
    from alic_tf import zoo

    codec = zoo.load(values.model)
    if codec.model.transform_config["kind"] != "quantized":
        raise errors.UsageError(f"{codec.name} has no quantized transform", values.model)
    totals = np.zeros(3)
    for path in images.find(values.data):
        data, latents = codec.encode_with_latents(images.read(path))
        levels = np.rint(latents["latent"]).astype("int64")
        size, code = original_bytes(levels, codec.model.transform.bits)
        totals += len(data), size, code / 8
        print(f"{path.name}: {len(data)} bytes; theirs {size}, {code / 8:.0f} before decimals")
    ours, theirs, code = totals
    print(f"together: {ours:.0f} bytes; theirs {theirs:.0f} ({theirs / ours:.2f} times), "
          f"{code:.0f} before decimals ({code / ours:.2f} times)")
    return 0


if __name__ == "__main__":
    sys.exit(flags.main(run, sys.argv))
