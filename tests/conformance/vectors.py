"""The conformance vectors: which there are, and what a decoder must find in them."""

import hashlib
import json
import lzma
from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDER = Path(__file__).parent
LIST = "vectors.json"


class Vector(NamedTuple):
    """A file of format version 1 and what it holds.

    Fields:
        name: of NAME.alic and of NAME.png, its pixels as decoded when it was made.
        model: name of the model file MODEL.npz.xz that it was coded with.
        width, height, quality, lanes: as its header says.
        latents: `digest` of its latents.
    """

    name: str
    model: str
    width: int
    height: int
    quality: float
    lanes: int
    latents: str


def digest(latents):
    """SHA-256 of the latent, in units of 2^-12, and the hyper latent, as int64, low byte first."""
    units = np.rint(latents["latent"] * 4096), latents["hyper_latent"]
    return hashlib.sha256(b"".join(array.astype("<i8").tobytes() for array in units)).hexdigest()


def read(folder=FOLDER):
    """All vectors, a list."""
    return [Vector(**fields) for fields in json.loads((Path(folder) / LIST).read_text())]


def write(vectors, folder):
    text = ",\n".join(json.dumps(vector._asdict()) for vector in vectors)
    (Path(folder) / LIST).write_text(f"[\n{text}\n]\n")


def unpack_model(name, target, folder=FOLDER):
    """Writes the model file of this name to a path."""
    target.write_bytes(lzma.decompress((Path(folder) / f"{name}.npz.xz").read_bytes()))
