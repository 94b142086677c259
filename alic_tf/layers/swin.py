"""Attention within windows of the picture, and the transformer block made of it."""

import keras
from keras import ops

from alic_tf import topology
from alic_tf.integer.attention import window_offsets
from alic_tf.layers import arithmetic
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.sequence import build_sequence

# Half precision overflows beyond 65504; e to this power is zero in any precision.
_IMPOSSIBLE = -1e4


@keras.saving.register_keras_serializable(package="alic_tf")
class WindowAttention(keras.layers.Layer):
    """Multi-head self-attention among the places of each window, with relative positions.

    Windows are laid out from the upper left corner, or half a window above and to the left of it
    if they are shifted. Places outside the picture are not attended to, so that any size works;
    for whole windows that is the shifted-window attention of Liu et al. (arXiv 2103.14030,
    section 3.2) without its cyclic shift.

    Args:
        head_dim: channels of a head; the channels of the input are a multiple.
        window: side of a window, even.
        shifted: whether the windows are shifted.

    Keeps shape (batch, height, width, channels) and dtype.

    Raises:
        ValueError: at build, channels are not a multiple of head_dim.
    """

    def __init__(self, head_dim, window=8, shifted=False, **kwargs):
        super().__init__(**kwargs)
        self.head_dim, self.window, self.shifted = head_dim, window, shifted
        self.offsets = window_offsets(window).reshape(-1)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.head_dim:
            raise ValueError(f"{channels} channels are not a multiple of head_dim "
                             f"({self.head_dim})")
        self.heads = channels // self.head_dim
        self.embedding = SignalConvolution(3 * channels, 1, dtype=self.dtype_policy)
        self.projection = SignalConvolution(channels, 1, dtype=self.dtype_policy)
        self.embedding.build(input_shape)
        self.projection.build(input_shape)
        self.positions = self.add_weight(
            shape=(self.heads, (2 * self.window - 1) ** 2), name="positions",
            initializer=keras.initializers.TruncatedNormal(stddev=0.02))

    def position_bias(self):
        """What is added to the logits for their relative position: [heads, queries, keys]."""
        table = ops.convert_to_tensor(self.positions)
        places = self.window**2
        return ops.reshape(ops.take(table, self.offsets, axis=1), (-1, places, places))

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        places = self.window**2
        before = self.window // 2 if self.shifted else 0
        rows, columns = (-(-(n + before) // self.window) for n in (height, width))
        sides = [(before, count * self.window - n - before)
                 for count, n in ((rows, height), (columns, width))]

        def windows(x, *split):
            x = ops.pad(x, ((0, 0), *sides, (0, 0)))
            x = ops.reshape(x, (-1, rows, self.window, columns, self.window, ops.shape(x)[-1]))
            x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
            return ops.reshape(x, (-1, places, *split))

        # [3, windows, heads, places, head_dim]
        queries, keys, values = ops.unstack(ops.transpose(
            windows(self.embedding(x), 3, self.heads, self.head_dim), (2, 0, 3, 1, 4)), 3)
        logits = ops.matmul(queries * self.head_dim**-0.5, ops.transpose(keys, (0, 1, 3, 2)))
        logits = logits + self.position_bias()
        if any(not isinstance(n, int) or n for side in sides for n in side):
            inside = windows(ops.ones((1, height, width, 1), logits.dtype))
            # One picture after the other has the same windows.
            logits = ops.reshape(logits, (-1, rows * columns, self.heads, places, places))
            logits = logits + _IMPOSSIBLE * (1 - inside[:, None, None])
            logits = ops.reshape(logits, (-1, self.heads, places, places))
        x = ops.matmul(ops.softmax(logits), values)
        x = ops.reshape(ops.transpose(x, (0, 2, 1, 3)),
                        (-1, rows, columns, self.window, self.window, channels))
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)),
                        (-1, rows * self.window, columns * self.window, channels))
        return self.projection(x[:, before:before + height, before:before + width])

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "head_dim": self.head_dim, "window": self.window,
                "shifted": self.shifted}


@keras.saving.register_keras_serializable(package="alic_tf")
class SwinBlock(keras.layers.Layer):
    """Transformer block: x += attention(LayerNorm(x)), then x += MLP(LayerNorm(x)).

    The MLP has four times the channels and a GELU between its layers (Liu et al.,
    arXiv 2103.14030, figure 3).

    Args:
        head_dim, window, shifted: see `WindowAttention`.

    Keeps shape (batch, height, width, channels) and dtype.
    """

    def __init__(self, head_dim, window=8, shifted=False, **kwargs):
        super().__init__(**kwargs)
        options = {"dtype": self.dtype_policy}
        self.attention = [keras.layers.LayerNormalization(epsilon=1e-5, **options),
                          WindowAttention(head_dim, window, shifted, **options)]

    def build(self, input_shape):
        channels, options = input_shape[-1], {"dtype": self.dtype_policy}
        self.mlp = [keras.layers.LayerNormalization(epsilon=1e-5, **options),
                    SignalConvolution(4 * channels, 1, activation="gelu", **options),
                    SignalConvolution(channels, 1, **options)]
        build_sequence(self.attention, input_shape)
        build_sequence(self.mlp, input_shape)

    def call(self, x):
        return topology.swin(self, x, arithmetic)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        attention = self.attention[1]
        return {**super().get_config(), "head_dim": attention.head_dim,
                "window": attention.window, "shifted": attention.shifted}
