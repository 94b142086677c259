"""Run by test_range_coder in a process that cannot import the optional operations.

Arguments: a model file and a picture. Writes the picture's .alic file to standard output, and
decodes it.
"""

import sys


def main(model, picture):
    blocked = "tensorflow_compression_ops", "tensorflow", "keras"
    sys.modules.update(dict.fromkeys(blocked))
    from alic_tf.integer import range_coder

    for name in blocked[1:]:
        del sys.modules[name]
    from alic_tf import zoo
    from alic_tf.integer import coder
    from alic_tf.pictures import images

    assert coder.range_coder is range_coder
    codec = zoo.load(model)
    data, coded = codec.encode_with_latents(images.read(picture))
    for name, latents in codec.latents(data).items():
        assert (latents == coded[name]).all()
    sys.stdout.buffer.write(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
