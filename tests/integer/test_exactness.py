"""Files of all entropy models decode to the same latents on every kernel and thread count."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from alic_tf.networks.to_integer import exact_model
from tests.integer.decode_elsewhere import digest
from tests.integer.random_model import (
    random_factorized_model,
    random_latents,
    random_masked_model,
)
from tests.tiny_models import tiny_dwan, tiny_icwem, tiny_light

ROOT = pathlib.Path(__file__).parents[2]
SIZE = (16, 24)
# Of the quality of the models of several rates.
STEP = 13
# Instruction sets under the names oneDNN (of TensorFlow), OpenBLAS (of numpy) and numpy itself know
# them by.
_BEYOND_SSE = np.show_config("dicts")["SIMD Extensions"].get("found", [])
SSE = {"ONEDNN_MAX_CPU_ISA": "SSE41", "OPENBLAS_CORETYPE": "Nehalem",
       "NPY_DISABLE_CPU_FEATURES": " ".join(_BEYOND_SSE)}
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell"}
SETTINGS = {
    "default, 2 threads": ({}, 2),
    "default, 1 thread": ({}, 1),
    "no oneDNN, 2 threads": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, 2),
    "no oneDNN, 1 thread": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, 1),
    "SSE4.1, 2 threads": (SSE, 2),
    "AVX2, 1 thread": (AVX2, 1),
}


def write_case(path):
    """Stores models, payloads and a float convolution; returns the digest of the latents."""
    rng = np.random.default_rng(0)
    arrays = {"image": rng.normal(size=(1, 32, 32, 64)).astype("float32"),
              "kernel": rng.normal(size=(3, 3, 64, 64)).astype("float32"),
              "size": SIZE, "step": STEP}
    latents = []
    y, z = random_latents(16, *SIZE, dead=(3, 7))
    cases = [("masked", random_masked_model("gmm", 16), z),
             ("parallel", exact_model(tiny_dwan()).at(STEP), z[..., :4]),
             ("light", exact_model(tiny_light()).at(STEP), z[..., :4]),
             ("factorized", random_factorized_model(16), y.astype("int64")),
             ("channel", exact_model(tiny_icwem()), z[..., :4])]
    for kind, model, z in cases:
        payload, y_hat, arrays[f"{kind}_lanes"] = model.encode(y[..., :model.channels], z)
        arrays[f"{kind}_payload"] = np.frombuffer(payload, "uint8")
        arrays |= {f"{kind}/{name}": array for name, array in model.arrays().items()}
        latents += [y_hat, z]
    np.savez(path, **arrays)
    return digest(*latents)


# Where TensorFlow's operations decode, too, whose graphs take long to make.
SERVED = ["SSE4.1, 2 threads", "AVX2, 1 thread"]
LONG = ["default, 1 thread", "no oneDNN, 1 thread", "AVX2, 1 thread"]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """(path of the stored case, expected digest)."""
    path = tmp_path_factory.mktemp("exactness") / "case.npz"
    return path, write_case(path)


@pytest.fixture(scope="module")
def floats():
    """Digests of the float convolution, by setting, as the tests find them."""
    return {}


@pytest.mark.parametrize("setting", [
    pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in SETTINGS])
def test_decodes_to_identical_latents(case, floats, setting):
    path, expected = case
    variables, threads = SETTINGS[setting]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT),
                   "OPENBLAS_NUM_THREADS": str(threads), "TF_ENABLE_ONEDNN_OPTS": "1", **variables}
    result = subprocess.run(
        [sys.executable, "-m", "tests.integer.decode_elsewhere", str(path), str(threads),
         *["served"] * (setting in SERVED)],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    *seen, floats[setting] = result.stdout.splitlines()[-1].split()
    assert seen == [expected] * (3 if setting in SERVED else 2)


@pytest.mark.skipif("AVX2" not in _BEYOND_SSE, reason="all settings are the same on this machine")
def test_float_networks_would_not(floats):
    """The settings do change the arithmetic: a float convolution tells them apart."""
    assert len(set(floats.values())) > 1
