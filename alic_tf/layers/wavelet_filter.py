"""Post-quantization filter with wavelet refinement."""

import keras
from keras import ops

from alic_tf.layers.separable import SeparableStack
from alic_tf.layers.wavelet_attention import WaveletAttention


@keras.saving.register_keras_serializable(package="alic_tf")
class WaveletFilter(keras.layers.Layer):
    """Corrects a decoded latent, then scales it by a wavelet attention.

    out = attention(x + strength * tanh(f(x))): f is two depthwise-separable convolutions of width
    C / 2 and a 1x1 convolution to C. The bound on the correction keeps it below the quantization
    error it undoes. The light successor of the filter of Fu et al., arXiv 2206.10618, section
    III-D; `PostQuantizationFilter` is the original.

    Args:
        strength: largest correction, in the units of the latent.
        batch_normalization: whether the convolutions normalize, as in the public implementation.
        importance_bias_init: see `WaveletAttention`.

    Keeps the shape [b, h, w, C].
    """

    def __init__(self, strength=0.1, batch_normalization=False, importance_bias_init=0.0, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength
        self.batch_normalization = batch_normalization
        self.importance_bias_init = importance_bias_init
        self.attention = WaveletAttention(
            batch_normalization=batch_normalization,
            importance_bias_init=importance_bias_init,
            dtype=self.dtype_policy,
            name="attention",
        )

    def build(self, input_shape):
        channels = input_shape[-1]
        width = max(channels // 2, 1)
        self.correction = SeparableStack(
            (width, width),
            channels,
            self.batch_normalization,
            dtype=self.dtype_policy,
            name="correction",
        )
        self.correction.build(input_shape)
        self.attention.build(input_shape)

    def call(self, x):
        refined, _ = self.attention(x + self.strength * ops.tanh(self.correction(x)))
        return refined

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "strength": self.strength,
            "batch_normalization": self.batch_normalization,
            "importance_bias_init": self.importance_bias_init,
        }
