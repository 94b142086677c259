"""Channel-wise context: slices of the latent, each predicted from the slices before it."""

import keras
from keras import ops

from alic_tf.entropy.parallel_context import SMALLEST_SCALE
from alic_tf.layers.conv_transformer import SwinAttention
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.lower_bound import lower_bound
from alic_tf.layers.sequence import apply_sequence, build_sequence


@keras.saving.register_keras_serializable(package="alic_tf")
class SliceContext(keras.layers.Layer):
    """Distribution and residual of one slice.

        mean features, slices before -> SwinAttention -+-> 3x3 3x3 3x3 -> mean
                                                       `-> [, slice] -> 3x3 3x3 3x3 -> residual
        scale features, slices before -> SwinAttention -> 3x3 3x3 3x3 -> scale

    Minnen and Singh, arXiv 2007.08739, figure 2, with the attention of arXiv 2303.14978.

    Args:
        size: channels of the slice.
        attention: width of the `SwinAttention`s.
        widths: channels of the first two of each three convolutions.

    Call:
        features: pair of float32 [b, h, w, C]; part: float32 [b, h, w, size].
        Returns (mean, scale, part_hat), each [b, h, w, size]; part_hat passes gradients straight
        through to part.
    """

    def __init__(self, size, attention=128, widths=(224, 128), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.size, self.attention, self.widths = size, attention, tuple(widths)
        self.mean_support, self.scale_support = (
            SwinAttention(attention, dtype="float32") for _ in range(2))
        self.mean, self.scale, self.residual = (self._convolutions() for _ in range(3))

    def _convolutions(self):
        options = {"dtype": "float32"}
        return [*(SignalConvolution(n, 3, activation="gelu", **options) for n in self.widths),
                SignalConvolution(self.size, 3, **options)]

    def build(self, features_shape):
        for layer in (self.mean_support, self.scale_support):
            layer.build(features_shape)
        for layers in (self.mean, self.scale):
            build_sequence(layers, features_shape)
        build_sequence(self.residual, (*features_shape[:-1], features_shape[-1] + self.size))
        self.built = True

    def call(self, features, part):
        support = self.mean_support(features[0])
        mean = apply_sequence(self.mean, support)
        scale = apply_sequence(self.scale, self.scale_support(features[1]))
        part_hat = part + ops.stop_gradient(ops.round(part - mean) + mean - part)
        residual = apply_sequence(self.residual, ops.concatenate([support, part_hat], axis=-1))
        return mean, lower_bound(scale, SMALLEST_SCALE), part_hat + 0.5 * ops.tanh(residual)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "attention": self.attention,
                "widths": self.widths}


@keras.saving.register_keras_serializable(package="alic_tf")
class ChannelContext(keras.layers.Layer):
    """Gaussian parameters of the latent, slice by slice of its channels.

    An element is coded as the whole number nearest to its distance from the predicted mean, and
    decoded to that number plus the mean plus a predicted residual within 1/2.

    Args:
        latents: number of latent channels M, a multiple of slices.
        slices: number of slices.
        attention, widths: see `SliceContext`.

    Call:
        latent: float32 [b, h, w, M]; features: pair of [b, h, w, P], for means and scales.
        Returns (mean, scale, latent_hat), each [b, h, w, M]. latent_hat passes gradients straight
        through to latent.

    Raises:
        ValueError: the slices are not equal.
    """

    def __init__(self, latents, slices=5, attention=128, widths=(224, 128), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if latents % slices:
            raise ValueError(f"slices ({slices}) must divide {latents} latents")
        self.latents = latents
        self.slices = [SliceContext(latents // slices, attention, widths, name=f"slice_{i}")
                       for i in range(slices)]

    def build(self, features_shape):
        for i, layer in enumerate(self.slices):
            layer.build((*features_shape[:-1], features_shape[-1] + i * layer.size))
        self.built = True

    def call(self, latent, features):
        results, known = [], []
        for layer, part in zip(self.slices, ops.split(latent, len(self.slices), axis=-1)):
            seen = [ops.concatenate([x, *known], axis=-1) for x in features]
            results.append(layer(seen, part))
            known.append(results[-1][2])
        return tuple(ops.concatenate(parts, axis=-1) for parts in zip(*results))

    def get_config(self):
        first = self.slices[0]
        return {**super().get_config(), "latents": self.latents, "slices": len(self.slices),
                "attention": first.attention, "widths": first.widths}
