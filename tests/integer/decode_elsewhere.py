"""Run by test_exactness in processes of different settings: decodes payloads and says what it saw.

Arguments: the file of `test_exactness.write_case`, and the number of threads. Prints the digests
of the decoded latents, decoded whole and in small tiles and parts, and that of the output of a
float convolution.
"""

import hashlib
import sys

import numpy as np
import tensorflow as tf

from alic_tf.integer import channel, parallel
from alic_tf.integer.channel import ExactChannelModel
from alic_tf.integer.factorized import ExactFactorizedModel
from alic_tf.integer.masked import ExactMaskedModel
from alic_tf.integer.parallel import ExactParallelModel


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def part(data, prefix):
    """The arrays below a prefix, without it."""
    return {key.removeprefix(prefix): data[key] for key in data if key.startswith(prefix)}


def main(path, threads):
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    with np.load(path) as file:
        data = dict(file)
    digests = [decoded(data)]
    for module in (parallel, channel):
        module.TILE, module.PART = 8, 20
    digests.append(decoded(data))
    convolution = tf.nn.conv2d(data["image"], data["kernel"], 1, "SAME")
    print(*digests, digest(convolution.numpy()))


def decoded(data):
    """Digest of what all models decode."""
    models = {"masked": ExactMaskedModel.from_arrays(part(data, "masked/")),
              "parallel": ExactParallelModel.from_arrays(part(data, "parallel/")).at(data["step"]),
              "factorized": ExactFactorizedModel.from_arrays(part(data, "factorized/")),
              "channel": ExactChannelModel.from_arrays(part(data, "channel/"))}
    return digest(*(array for kind, model in models.items()
                    for array in model.decode(data[f"{kind}_payload"].tobytes(), *data["size"],
                                              int(data[f"{kind}_lanes"]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
