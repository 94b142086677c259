"""Pairs of files written by the authors' own program, all channels coded and some left out."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from alic_tf import errors
from alic_tf.integer.coder import SymbolEncoder
from alic_tf.original import bitstream as original_bitstream
from alic_tf.original import checkpoints
from alic_tf.original.coder import RangeDecoder, cumulative_frequencies
from tests.golden import DATA, load

ROOT = pathlib.Path(__file__).parents[2]
CHECKPOINT = DATA / "fu2022_gmm_n16_tf1_checkpoint" / "model.ckpt-1500001"
PAIRS = DATA / "fu2022_gmm_n16_bitstream.npz"
GOLDEN = load("fu2022_gmm_n16_bitstream")
CASES = ("full", "zeroch")
FULL = load("fu2022_gmm_n16")
HEADER = GOLDEN["full/header_bitstream_uint8"].tobytes()


@pytest.fixture(scope="module")
def variables():
    return checkpoints.read_checkpoint(CHECKPOINT)


def without_onednn(*arguments):
    """Runs Python in a process of its own: TensorFlow decides about oneDNN once."""
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run([sys.executable, *map(str, arguments)], env=environment, cwd=ROOT,
                          capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    target = tmp_path_factory.mktemp("originals") / "latents.npz"
    result = without_onednn("-m", "tests.original.decode_originals", CHECKPOINT, PAIRS, target)
    assert result.returncode == 0, result.stderr[-2000:]
    with np.load(target) as file:
        return dict(file)


@pytest.mark.parametrize("case", CASES)
def test_symbols_from_the_authors_frequencies(case):
    decoder = RangeDecoder(GOLDEN[f"{case}/y_bin_uint8"].tobytes())
    for cumulative, symbol in zip(GOLDEN[f"{case}/cdfs_int32"].tolist(),
                                  GOLDEN[f"{case}/symbols_int32"]):
        assert decoder.decode(cumulative) == symbol
    assert decoder.at_end()


@pytest.mark.parametrize("case", CASES)
def test_frequencies(case):
    """From the logarithms of the weights, for lack of their logits: not to the last unit."""
    parameters = [np.log(GOLDEN[f"{case}/probs"]), GOLDEN[f"{case}/means"],
                  GOLDEN[f"{case}/scales"]]
    active = np.flatnonzero(np.any(GOLDEN[f"{case}/y_hat"], axis=(0, 1, 2)))
    parameters = np.stack(parameters)[..., active, :].reshape(3, -1, 3).transpose(2, 0, 1)
    actual = cumulative_frequencies(parameters.reshape(9, -1), 13)
    expected = GOLDEN[f"{case}/cdfs_int32"]
    assert np.abs(actual - expected).max() <= 1
    assert np.mean(np.any(actual != expected, axis=1)) < 0.01


@pytest.mark.parametrize("case", CASES)
def test_pairs_of_files(decoded, case):
    if not decoded[f"{case}/exact"]:
        pytest.skip("the context model's floats are not those of the machine of the authors' files")
    np.testing.assert_array_equal(decoded[case], GOLDEN[f"{case}/y_hat"])


def test_command(decoded, tmp_path):
    if not decoded["full/exact"]:
        pytest.skip("the context model's floats are not those of the machine of the authors' files")
    pair = [tmp_path / name for name in ("picture.npz", "picture.bin")]
    for path, name in zip(pair, ("header_bitstream", "y_bin")):
        path.write_bytes(GOLDEN[f"full/{name}_uint8"].tobytes())
    result = without_onednn("-m", "alic_tf", "import", "--checkpoint", CHECKPOINT,
                            "--read-original", *pair, "--out", tmp_path / "picture.png")
    assert (result.returncode, result.stderr) == (0, "")
    expected = np.clip(np.round(255 * FULL["act/x_hat"][0]), 0, 255)
    assert np.abs(np.asarray(Image.open(tmp_path / "picture.png")) - expected).max() <= 1


def test_hyper_latent(variables):
    header = original_bitstream.parse(HEADER, 16)
    assert header[:3] == (128, 192, 13)
    z = original_bitstream.decode_hyper_latent(header.string, variables, 2, 3)
    np.testing.assert_array_equal(z, FULL["act/z_tilde_decompressed"])


def test_channel_flags():
    header = original_bitstream.parse(GOLDEN["zeroch/header_bitstream_uint8"].tobytes(), 16)
    assert header.active.tolist() == [c for c in range(16) if c not in (3, 7, 15)]


def test_hyper_latents_outside_their_table(variables):
    """Coded as the last symbol of the table, then a number of 4-bit digits, then the digits."""
    tables = [variables[f"entropy_bottleneck/{name}"] for name in ("quantized_cdf", "cdf_length")]
    rows = [row[:length] for row, length in zip(*tables)]
    encoder = SymbolEncoder(prior=np.concatenate([[16, *row] for row in rows] + [[4, *range(17)]]))
    wanted = np.array([-1, 0, -2, 5, 300, -70000] + [3] * 10)
    for channel, (row, distance) in enumerate(zip(rows, wanted)):
        highest = len(row) - 2
        # Distance from the table: -1, -2, ... below its start, 0, 1, ... from its last symbol on.
        code = -2 * distance - 1 if distance < 0 else 2 * distance
        digits = [code >> 4 * i & 15 for i in range((int(code).bit_length() + 3) // 4)]
        encoder.encode_rows(np.array([highest, len(digits), *digits]),
                            np.array([channel, *[len(rows)] * (1 + len(digits))]))
    z = original_bitstream.decode_hyper_latent(encoder.finish()[0], variables, 1, 1)
    low, medians, _ = variables["entropy_bottleneck/quantiles"][:, 0].T
    first = medians - np.ceil(medians - low)
    highest = np.array([len(row) - 2 for row in rows])
    np.testing.assert_allclose(z[0, 0, 0], first + wanted + np.where(wanted < 0, 0, highest),
                               atol=1e-2)


@pytest.mark.parametrize("data, error", [
    (HEADER[:9], errors.Truncated),
    (HEADER[:-1], errors.Truncated),
    (HEADER + b"\0", errors.TrailingData),
    (b"\0\0" + HEADER[2:], errors.Malformed),
    (b"\x81" + HEADER[1:], errors.Malformed),
])
def test_damaged_headers(data, error):
    with pytest.raises(error):
        original_bitstream.parse(data, 16)


def test_damaged_strings(variables):
    model = checkpoints.build(variables)
    string = GOLDEN["full/y_bin_uint8"].tobytes()
    for damaged in (string[:500], b"", b"\xff" * len(string)):
        with pytest.raises(errors.Malformed, match="nonsense"):
            original_bitstream.decode_latent(model, variables, HEADER, damaged)
