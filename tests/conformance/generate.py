"""Makes conformance vectors: `python -m tests.conformance.generate [FOLDER]`.

They were made once and must stay as they are: they stand for files that people have. So nothing
that exists is overwritten. For new features of the format, new vectors are added beside them: those
of models that have none yet.
"""

import io
import lzma
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from alic_tf import errors, flags, zoo
from alic_tf.bitstream import container
from alic_tf.bitstream.quality_steps import quality_of_step
from alic_tf.integer import coder
from tests.conformance import vectors
from tests.conformance.vectors import Vector
from tests.tiny_models import tiny_dwan, tiny_fu2022, tiny_resgdn

MODELS = {"parallel": tiny_dwan, "masked": tiny_fu2022, "factorized": tiny_resgdn}
# Name, height, width, channels, quality, lanes. Sizes that are padded on one side, both or none.
PICTURES = {
    "parallel": [
        ("one_pixel", 1, 1, 3, 1, 1),
        ("odd", 17, 33, 3, 2.5, 1),
        ("whole_block", 64, 64, 3, 4, 2),
        ("wide", 40, 200, 3, 6.125, 8),
        ("high_quality", 130, 70, 3, 8, 128),
        ("grey", 65, 63, 1, 5, 1),
        ("grey_alpha", 30, 66, 2, 3, 4),
        ("alpha_metadata", 50, 70, 4, 7, 1),
    ],
    "masked": [
        ("one_pixel", 1, 1, 3, 1, 1),
        ("odd", 33, 17, 3, 1, 1),
        ("whole_block", 64, 64, 3, 1, 4),
        ("tall", 150, 70, 3, 1, 16),
        ("alpha", 20, 90, 4, 1, 2),
    ],
    "factorized": [
        ("one_pixel", 1, 1, 3, 1, 1),
        ("odd", 33, 17, 3, 1, 1),
        ("whole_block", 48, 80, 3, 1, 2),
        ("tall", 150, 70, 3, 1, 16),
        ("grey", 20, 90, 1, 1, 4),
    ],
}
METADATA = {"exif": b"MM\0*\0\0\0\x08\0\0", "icc": bytes(range(132))}


def simplify(model):
    """Rounds and thins out the weights of a model, so that its file is small."""
    for variable in model.trainable_variables:
        array = np.asarray(variable).copy()
        if array.ndim == 4:
            unit = 2.0 ** np.round(np.log2(np.std(array))) / 2
            array = np.rint(array / unit) * unit
        for axis in (-1, -2)[:array.ndim]:  # the wide layers of the masked context
            if array.shape[axis] == 640:
                np.moveaxis(array, axis, 0)[24:] = 0
        variable.assign(array)
    return model


def picture(height, width, channels, rng):
    """Colours in blocks, with noise and a few lines; uint8 (height, width, channels)."""
    coarse = rng.uniform(0, 255, (height // 16 + 2, width // 16 + 2, channels))
    image = coarse.repeat(16, 0).repeat(16, 1)[:height, :width]
    image = image + 6 * rng.normal(size=image.shape)
    image[:: 23] = 255
    return np.clip(image, 0, 255).astype("uint8")


def extreme_file(codec, rng):
    """Latents at the limits of the coder, zeros in a channel, hyper latents outside the tables."""
    model = codec.exact.at(40)
    y = 30 * rng.laplace(size=(8, 12, model.channels))
    z = np.rint(3 * rng.normal(size=(2, 3, len(model.prior.offsets)))).astype("int64")
    y[::3, ::2], y[1::3, 1::2], z[0, 0, ::2], z[1, 2, 1::2] = 4095, -4095, 32768, -1500
    y[..., 5] = 0
    payload, _, lanes = model.encode(y, z)
    step = 40 if codec.qualities > 1 else 0
    return container.pack(
        container.Header(codec.model_id, 190, 100, quality=step, lanes=lanes), payload)


def files(codec, pictures):
    """Yields (name, bytes of a file)."""
    rng = np.random.default_rng(7)
    for name, height, width, channels, quality, lanes in pictures:
        # Left to itself, the encoder has one lane for pictures so small.
        coder.choose_lanes = lambda cost, lanes=lanes: lanes
        data = codec.encode(picture(height, width, channels, rng), quality)
        if name.endswith("metadata"):
            header, payload = container.unpack(data)
            data = container.pack(replace(header, **METADATA), payload)
        yield name, data
    if codec.exact.hyper_stride > 1:  # what is decoded of a latent so large may be no numbers
        coder.choose_lanes = lambda cost: 2
        yield "extreme", extreme_file(codec, rng)


def save(path, data):
    """Writes a new file.

    Raises:
        UsageError: there is one.
    """
    try:
        with open(path, "xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise errors.UsageError("is there already, and stays as it is", path) from error


def generate(folder):
    """Makes the vectors of the models that have none in a folder."""
    made = vectors.read(folder) if (folder / vectors.LIST).exists() else []
    missing = [name for name in MODELS if name not in {vector.model for vector in made}]
    if not missing:
        raise errors.UsageError("is there already, and stays as it is", folder / vectors.LIST)
    for name in missing:
        model = MODELS[name](seed=1)
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary, "model.npz")
            zoo.export(simplify(model), name, path)
            codec = zoo.load(path)
            with np.load(path) as arrays:
                plain = io.BytesIO()
                np.savez(plain, **arrays)  # compresses better as a whole
        save(folder / f"{name}.npz.xz", lzma.compress(plain.getvalue(), preset=9))
        for case, data in files(codec, PICTURES[name]):
            vector = f"{name}_{case}"
            save(folder / f"{vector}.alic", data)
            pixels = io.BytesIO()
            Image.fromarray(codec.decode(data)).save(pixels, "PNG")
            save(folder / f"{vector}.png", pixels.getvalue())
            header, _ = container.unpack(data)
            made.append(Vector(vector, name, header.width, header.height,
                               float(quality_of_step(header.quality)), header.lanes,
                               vectors.digest(codec.latents(data))))
    vectors.write(made, folder)


def run(argv):
    """Returns the exit code."""
    generate(Path(argv[1]) if len(argv) > 1 else vectors.FOLDER)
    return 0


if __name__ == "__main__":
    sys.exit(flags.main(run, sys.argv))
