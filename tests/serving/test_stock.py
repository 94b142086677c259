"""The SavedModel needs nothing but TensorFlow."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).with_name("decode_stock.py")


@pytest.fixture(scope="module")
def decoded(served, photograph, tmp_path_factory):
    """(file, folder with what a process with TensorFlow alone made of it, what it printed)."""
    folder = tmp_path_factory.mktemp("stock")
    data = served.codec.encode(photograph(70, 130), 6)
    (folder / "picture.alic").write_bytes(data)
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(served.path), str(folder / "picture.alic"), str(folder)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ""}, cwd=folder,
        capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return data, folder, result.stdout


def test_all_operations_are_tensorflows_own(decoded):
    assert decoded[2].splitlines()[0] == "[]"


def test_latents_are_those_of_the_codec(served, decoded):
    data, folder, _ = decoded
    expected = served.codec.latents(data)
    with np.load(folder / "latents.npz") as found:
        np.testing.assert_array_equal(found["latents"][0] / 4096, expected["latent"])
        np.testing.assert_array_equal(found["hyper_latents"][0], expected["hyper_latent"])


def test_a_session_encodes_the_good_pictures_of_a_batch(served, decoded):
    data, folder, _ = decoded
    coded, error = (np.load(folder / "encoded" / f"{name}.npy", allow_pickle=True).tolist()
                    for name in ("alic_bytes", "error"))
    assert coded == [served.codec.encode(served.codec.decode(data), 4), b""]
    assert error[0] == b"" and error[1].startswith(b"not a PNG")


def test_saved_model_cli_shows_and_runs_it_to_the_pixels_of_the_codec(served, decoded):
    data, folder, output = decoded
    for name in ("decode", "decode_latents", "encode", "info", "latents", "serving_default"):
        assert f"signature_def['{name}']" in output
    png, = np.load(folder / "png_bytes.npy", allow_pickle=True)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))),
                                  served.codec.decode(data))
