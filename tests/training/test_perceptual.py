"""The perceptual distance, against numpy, of small networks in files."""

import numpy as np
import pytest

from alic_tf import errors
from alic_tf.training.perceptual import Perceptual

RNG = np.random.default_rng(0)
A, B = RNG.uniform(size=(2, 2, 20, 23, 3)).astype("float32")
# As in AlexNet: a large stride with its own padding, pooling between.
NETWORK = {
    "kernel_0": RNG.normal(size=(5, 5, 3, 4)), "bias_0": RNG.normal(size=4), "stride_0": 2,
    "padding_0": 1, "kernel_1": RNG.normal(size=(3, 3, 4, 6)), "bias_1": RNG.normal(size=6),
    "pool_1": 3, "mean": [0.5, 0.4, 0.3], "deviation": [0.2, 0.3, 0.4],
}  # fmt: skip
LINEAR = {"linear_0": RNG.uniform(size=4), "linear_1": RNG.uniform(size=6)}


def windows(x, size, stride):
    """[rows, columns, channels, size, size] of a picture [h, w, c], without padding."""
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(0, 1))
    return view[::stride, ::stride]


def features(x):
    """Features of a picture after both convolutions."""
    x = (x.astype("float64") - NETWORK["mean"]) / NETWORK["deviation"]
    x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    x = np.einsum("ijcab,abcd->ijd", windows(x, 5, 2), NETWORK["kernel_0"]) + NETWORK["bias_0"]
    first = np.maximum(x, 0)
    x = np.pad(windows(first, 3, 2).max((3, 4)), ((1, 1), (1, 1), (0, 0)))
    x = np.einsum("ijcab,abcd->ijd", windows(x, 3, 1), NETWORK["kernel_1"]) + NETWORK["bias_1"]
    return first, np.maximum(x, 0)


def test_plain_features(tmp_path):
    np.savez(tmp_path / "vgg.npz", **NETWORK)
    distance = Perceptual(tmp_path / "vgg.npz")(A, B)
    expected = [np.abs(features(a)[1] - features(b)[1]).mean() for a, b in zip(A, B)]
    np.testing.assert_allclose(distance, expected, rtol=1e-4)


def test_linear_weights_make_it_lpips(tmp_path):
    np.savez(tmp_path / "lpips.npz", **NETWORK, **LINEAR)
    perceptual = Perceptual(tmp_path / "lpips.npz")
    expected = []
    for pair in zip(A, B):
        distance = 0
        for i, (a, b) in enumerate(zip(*map(features, pair))):
            a, b = (x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9)
                    for x in (a, b))
            distance += (np.square(a - b) @ LINEAR[f"linear_{i}"]).mean()
        expected.append(distance)
    np.testing.assert_allclose(perceptual(A, B), expected, rtol=1e-4)
    np.testing.assert_allclose(perceptual(A, A), 0, atol=1e-6)


def test_gradients_are_finite_also_of_equal_pictures(tmp_path):
    import tensorflow as tf

    np.savez(tmp_path / "lpips.npz", **NETWORK, **LINEAR)
    perceptual = Perceptual(tmp_path / "lpips.npz")
    for other, some in ((B, True), (A, False)):
        x = tf.constant(A)
        with tf.GradientTape() as tape:
            tape.watch(x)
            distance = tf.reduce_sum(perceptual(x, other))
        gradient = tape.gradient(distance, x)
        assert np.isfinite(gradient).all() and np.any(gradient) == some


@pytest.mark.parametrize("arrays", [None, {}, {"kernel_0": np.zeros((1, 1, 3, 2))},
                                    {"kernel_1": np.zeros((1, 1, 3, 2)), "bias_1": np.zeros(2)}])
def test_other_files_are_refused(tmp_path, arrays):
    path = tmp_path / "weights.npz"
    path.write_bytes(b"text") if arrays is None else np.savez(path, **arrays)
    with pytest.raises(errors.UsageError, match="perceptual weights"):
        Perceptual(path)
