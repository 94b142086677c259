"""`alic import`: models of the authors' TensorFlow 1 checkpoints; `alic import --help` says how."""

import os
from pathlib import Path

from alic_tf import errors, files, flags
from alic_tf.flags import Flag
from alic_tf.original import checkpoints

USAGE = """\
usage: alic import --checkpoint PREFIX --out FOLDER ...
       alic import --checkpoint PREFIX --out PICTURE --read-original HEADER_FILE Y_FILE

Makes a model of a TensorFlow 1 checkpoint of the authors' program, to be used as any other:
alic encode --model FOLDER. Or decodes a picture that their program compressed with
that checkpoint. These files do not tell the picture's size, so that it comes with its margin, to
multiples of 64. They are coded with probabilities from floats, and can be decoded only where these
come out the same: on a processor with AVX-512 if they were written on one; if they were written on
one without, ONEDNN_MAX_CPU_ISA=AVX2 in the environment may help.
"""

FLAGS = (
    Flag("string", "checkpoint", None, "PREFIX", "checkpoint, as in model.ckpt-1500001 for "
         "model.ckpt-1500001.index and .data-00000-of-00001"),
    Flag("integer", "num_filters", None, "N", "number of channels, for a check: the checkpoint "
         "itself tells"),
    Flag("string", "mixture", None, "KIND", "gmm or gllmm, for a check: the checkpoint "
         "itself tells"),
    Flag("float", "lambda", None, "L", "lambda it was trained with, to be noted in the model file"),
    Flag("string", "out", None, "PATH", "folder of the model, or picture to write"),
    Flag("string", "read-original", None, "HEADER_FILE Y_FILE", "decode this pair of files"),
    Flag("boolean", "overwrite", False, "", "replace a file that exists"),
    flags.HELP,
)  # fmt: skip


def run(argv):
    """Parses the command line and does what it asks for; returns the exit code."""
    # oneDNN's convolutions add in another order than TensorFlow 1 did; without them, floats of the
    # context model come out the same, and with them the probabilities its files are coded with.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    values = flags.read(argv, USAGE, FLAGS, most=None)
    if values is None:
        return 0
    arguments = values.arguments
    options = {flag.name: values[flag.name] for flag in FLAGS}
    for name in ("checkpoint", "out"):
        if not options[name]:
            raise errors.UsageError(f"--{name} is missing; see --help")
    pair = [options["read-original"], *arguments] if options["read-original"] else arguments
    if len(pair) != (2 if options["read-original"] else 0):
        raise errors.UsageError(f"unexpected or missing argument: {' '.join(pair)}; see --help")
    if pair:
        _decode(options, *map(Path, pair))
    else:
        _import(options)
    return 0


def _read_as_asked(options):
    variables = checkpoints.read_checkpoint(options["checkpoint"])
    try:
        found = checkpoints.configuration_of(variables)
        for name, value in zip(("num_filters", "mixture"), found):
            if options[name] not in (None, value):
                raise errors.UsageError(f"has --{name} {value}, not {options[name]}")
        return variables, checkpoints.build(variables, options["lambda"])
    except errors.AlicError as error:
        error.path = options["checkpoint"]
        raise


def _import(options):
    from alic_tf import zoo

    folder = Path(options["out"])
    target = _new(folder / zoo.MODEL_FILE, options)
    _, model = _read_as_asked(options)
    notes = {"imported": Path(options["checkpoint"]).name}
    zoo.export(model, folder.absolute().name, target, notes, precision="float32")
    print(f"{target}: {model.entropy.mixture}, {model.latents} channels")


def _decode(options, header_file, y_file):
    from alic_tf.pictures import images

    target = _new(Path(options["out"]), options)
    images.check_format(target)
    data = [path.read_bytes() for path in (header_file, y_file)]
    from alic_tf.original import bitstream as original_bitstream

    variables, model = _read_as_asked(options)
    try:
        latent = original_bitstream.decode_latent(model, variables, *data)
    except errors.AlicError as error:
        error.path = header_file
        raise
    images.write(target, original_bitstream.picture(model, latent))
    print(f"{target}: {latent.shape[2] * 16} x {latent.shape[1] * 16}")


def _new(path, options):
    """The path of a file to write, after checking that it can and may be written."""
    if os.path.lexists(path) and not options["overwrite"]:
        raise errors.UsageError("exists; give --overwrite to replace it", path)
    files.check_writable(path.parent)
    return path
