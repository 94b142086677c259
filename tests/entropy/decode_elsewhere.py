"""Run by test_exactness in processes of different settings: decodes a file and says what it saw.

Arguments: the file of `test_exactness.write_case`, and the number of threads. Prints the digest
of the decoded latents and that of the output of a float convolution.
"""

import hashlib
import sys

import numpy as np
import tensorflow as tf

from alic_tf.entropy.exact_masked import ExactMaskedModel


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def main(path, threads):
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    with np.load(path) as data:
        arrays = {key.removeprefix("model/"): data[key] for key in data.files
                  if key.startswith("model/")}
        payload, size = data["payload"].tobytes(), data["size"]
        image, kernel = data["image"], data["kernel"]
    y, z = ExactMaskedModel.from_arrays(arrays).decode(payload, *size)
    print(digest(y, z), digest(tf.nn.conv2d(image, kernel, 1, "SAME").numpy()))


if __name__ == "__main__":
    main(*sys.argv[1:])
