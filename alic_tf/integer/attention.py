"""Attention within windows, in fixed point."""

import numpy as np

from alic_tf.integer.fixed_point import ONE, FixedPointConvolution
from alic_tf.integer.functions import softmax_weights
from alic_tf.integer.stored import Stored

# Sums over the channels of a head of products of queries and keys up to this stay below 2^53.
LARGEST_KEY = (1 << 21) - 1
# Of what is outside the picture; no sum of products reaches it.
IMPOSSIBLE = -(2.0**50)


def window_offsets(window):
    """Differences (row, column) between the places of a window, shifted to start at 0.

    Returns:
        int array [window^2, window^2]: of query and key, their place in the flattened table of
        (2 window - 1)^2 relative positions.
    """
    places = np.stack(np.meshgrid(*[np.arange(window)] * 2, indexing="ij"), -1).reshape(-1, 2)
    difference = places[:, None] - places[None] + window - 1
    return difference[..., 0] * (2 * window - 1) + difference[..., 1]


class FixedPointWindowAttention(Stored):
    """Exact counterpart of `WindowAttention`.

    Args:
        embedding, projection: 1x1 `FixedPointConvolution` layers.
        positions: int32 (heads, (2 window - 1)^2), with 12 fraction bits.
        window: side of a window.
        shifted: whether windows begin half a window outside the picture.
    """

    FIELDS = {"positions": "int32", "window": "int32", "shifted": "int32"}

    def __init__(self, embedding, projection, positions, window, shifted):
        self.embedding, self.projection = embedding, projection
        self.positions = np.asarray(positions, "int32")
        self.window, self.shifted = int(window), bool(shifted)
        self._bias = self.positions[:, window_offsets(self.window)].astype("float64")

    def arrays(self):
        """Those of the two convolutions, "embedding/..." and "projection/...", and the rest."""
        parts = {f"{part}/{name}": array for part in ("embedding", "projection")
                 for name, array in getattr(self, part).arrays().items()}
        return {**parts, **super().arrays()}

    @classmethod
    def from_arrays(cls, arrays):
        parts = {name: FixedPointConvolution.from_arrays(arrays[name])
                 for name in ("embedding", "projection")}
        return cls(**{**arrays, **parts})

    def __call__(self, x):
        batch, height, width, channels = x.shape
        heads, window = len(self.positions), self.window
        before = window // 2 if self.shifted else 0
        rows, columns = (-(-(n + before) // window) for n in (height, width))
        sides = [(before, count * window - n - before)
                 for count, n in ((rows, height), (columns, width))]

        def windows(x):
            """(batch * rows * columns, places, channels) of a padded picture."""
            x = np.pad(x, ((0, 0), *sides, (0, 0)))
            x = x.reshape(-1, rows, window, columns, window, x.shape[-1])
            return x.transpose(0, 1, 3, 2, 4, 5).reshape(-1, window**2, x.shape[-1])

        embedded = windows(self.embedding(x))
        split = embedded.reshape(len(embedded), window**2, 3, heads, -1).transpose(2, 0, 3, 1, 4)
        queries, keys = np.clip(split[:2], -LARGEST_KEY, LARGEST_KEY)
        unit = 1 / (ONE * np.sqrt(channels // heads))
        logits = np.floor(queries @ keys.swapaxes(-1, -2) * unit + 0.5) + self._bias
        inside = windows(np.ones((1, height, width, 1)))[..., 0] > 0
        logits = np.where(np.tile(inside, (batch, 1))[:, None, None], logits, IMPOSSIBLE)
        weights = softmax_weights(logits)
        x = np.floor(weights @ split[2] / weights.sum(-1, keepdims=True) + 0.5)
        x = x.transpose(0, 2, 1, 3).reshape(batch, rows, columns, window, window, channels)
        x = x.transpose(0, 1, 3, 2, 4, 5)
        x = x.reshape(batch, rows * window, columns * window, channels)
        return self.projection(x[:, before:before + height, before:before + width])
