"""Run by test_original_bitstream without oneDNN: decodes pairs of files by the authors' program.

Arguments: prefix of the checkpoint, data of the pairs, file for the decoded latents. That file
also tells whether floats are those of the authors' program: "exact" for each pair.
"""

import sys

import numpy as np

from alic_tf import errors
from alic_tf.original import bitstream as original_bitstream
from alic_tf.original import checkpoints


def main(prefix, pairs, target):
    variables = checkpoints.read_checkpoint(prefix)
    model = checkpoints.build(variables)
    with np.load(pairs) as file:
        data = dict(file)
    results = {}
    for case in ("full", "zeroch"):
        header, string = (data[f"{case}/{name}_uint8"].tobytes()
                          for name in ("header_bitstream", "y_bin"))
        mixture = model.entropy.context(data[f"{case}/phi"], data[f"{case}/y_hat"])
        results[f"{case}/exact"] = np.array_equal(mixture.means, data[f"{case}/means"])
        try:
            results[case] = original_bitstream.decode_latent(model, variables, header, string)
        except errors.Malformed as error:
            results[case] = str(error)
    np.savez(target, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
