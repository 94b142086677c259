"""The integer half of the codec needs neither Keras nor TensorFlow."""

import os
import pathlib
import subprocess
import sys

from tests.conformance import vectors

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ["masked_odd", "parallel_grey_alpha", "parallel_extreme", "factorized_odd"]


def test_payloads_decode_where_keras_and_tensorflow_cannot_be_imported():
    result = subprocess.run(
        [sys.executable, "-m", "tests.integer.decode_bare", *NAMES], capture_output=True,
        text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert result.returncode == 0, result.stderr[-2000:]
    listed = {vector.name: vector.latents for vector in vectors.read()}
    assert result.stdout.split() == [listed[name] for name in NAMES]
