"""Run by test_exactness in processes of different settings: decodes payloads and says what it saw.

Arguments: the file of `test_exactness.write_case`, the number of threads, and perhaps "served".
Prints the digests of the decoded latents, by numpy whole and in small tiles and parts, and then
by TensorFlow's operations, and that of the output of a float convolution.
"""

import hashlib
import sys

import numpy as np
import tensorflow as tf

from alic_tf.integer import channel, parallel
from alic_tf.integer.channel import ExactChannelModel
from alic_tf.integer.factorized import ExactFactorizedModel
from alic_tf.integer.fixed_point import dequantize
from alic_tf.integer.masked import ExactMaskedModel
from alic_tf.integer.parallel import ExactParallelModel
from alic_tf.serving.servable import ENTROPY_MODELS

FAMILIES = {"masked": ExactMaskedModel, "parallel": ExactParallelModel,
            "light": ExactParallelModel, "factorized": ExactFactorizedModel,
            "channel": ExactChannelModel}


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def part(data, prefix):
    """The arrays below a prefix, without it."""
    return {key.removeprefix(prefix): data[key] for key in data if key.startswith(prefix)}


def main(path, threads, *also):
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    with np.load(path) as file:
        data = dict(file)
    digests = [decoded(data), *(served(data) for _ in also)]
    for module in (parallel, channel):
        module.TILE, module.PART = 8, 20
    digests.append(decoded(data))
    convolution = tf.nn.conv2d(data["image"], data["kernel"], 1, "SAME")
    print(*digests, digest(convolution.numpy()))


def models(data):
    """All models, by family."""
    made = {kind: family.from_arrays(part(data, f"{kind}/")) for kind, family in FAMILIES.items()}
    return {kind: model.at(data["step"]) for kind, model in made.items()}


def decoded(data):
    """Digest of what all models decode."""
    return digest(*(array for kind, model in models(data).items()
                    for array in model.decode(data[f"{kind}_payload"].tobytes(), *data["size"],
                                              int(data[f"{kind}_lanes"]))))


def served(data):
    """As `decoded`, by TensorFlow's operations."""
    arrays = []
    for kind, model in models(data).items():
        counterpart = ENTROPY_MODELS[type(model)](model)

        @tf.function(autograph=False)
        def decode(payload, lanes, height, width, counterpart=counterpart):
            _, strings = counterpart.find(payload, lanes, height, width)
            return counterpart.decode(payload, strings, int(data["step"]), height, width)

        latent, z = decode(tf.constant(data[f"{kind}_payload"], tf.int64),
                           tf.constant(data[f"{kind}_lanes"], tf.int64),
                           *map(tf.constant, data["size"].tolist()))
        arrays += [dequantize(latent).astype("float32"), z.numpy()]
    return digest(*arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
