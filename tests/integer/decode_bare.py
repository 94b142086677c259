"""Run by test_bare in a process that can import neither Keras nor TensorFlow.

Arguments: names of conformance vectors. Decodes each to latents with the range coder in plain
integers, and prints their digests.
"""

import sys
import tempfile
from pathlib import Path

BLOCKED = "keras", "tensorflow", "tensorflow_compression_ops"


def main(names):
    sys.modules.update(dict.fromkeys(BLOCKED))
    from alic_tf import padding, storage
    from alic_tf.bitstream import container
    from alic_tf.integer import coder, range_coder
    from alic_tf.integer.families import FAMILIES
    from tests.conformance import vectors

    assert coder.range_coder is range_coder
    listed = {vector.name: vector for vector in vectors.read()}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder, "model.npz")
            vectors.unpack_model(listed[name].model, path)
            configuration, _, arrays = storage.load(path)
            family = FAMILIES[configuration["entropy"]["context"]]
            header, payload = container.unpack((vectors.FOLDER / f"{name}.alic").read_bytes())
            sides = [padding.padded_size(side, 16 * family.hyper_stride) // 16
                     for side in (header.height, header.width)]
            model = family.from_arrays(arrays).at(header.quality)
            latent, z = model.decode(payload, *sides, header.lanes)
            print(vectors.digest({"latent": latent, "hyper_latent": z}))
    assert not any(sys.modules[name] for name in BLOCKED)


if __name__ == "__main__":
    main(sys.argv[1:])
