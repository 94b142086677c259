"""The family `channel` of ICWEM: slices of the channels, each predicted from those before it."""

import keras
from keras import ops

from alic_tf import topology
from alic_tf.integer.channel import ExactChannelModel, ExactSlice
from alic_tf.integer.fixed_point import ONE
from alic_tf.integer.tables import IntegerTables
from alic_tf.layers.conv_transformer import SwinAttention
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.lower_bound import lower_bound
from alic_tf.layers.sequence import build_sequence
from alic_tf.networks.entropy.distributions import SMALLEST_SCALE, gaussian_bits
from alic_tf.networks.entropy.model import ONE_RATE, EntropyModel, nearest, total
from alic_tf.networks.invertible import conv_transformers, downsampling, upsampling
from alic_tf.topology import apply

# Of the attention in the hyper transforms, where a sample is two of the latent each way.
HYPER_WINDOW = 4


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
        rounding: see `EntropyModel.coded`.
        Returns (mean, scale, deviation, part_hat), each [b, h, w, size].
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

    def call(self, features, part, rounding=nearest):
        support, mean = topology.slice_mean(self, features[0])
        scale = lower_bound(topology.slice_scale(self, features[1]), SMALLEST_SCALE)
        deviation = rounding(part - mean, scale)
        part_hat = mean + deviation
        residual = apply(self.residual, ops.concatenate([support, part_hat], axis=-1))
        return mean, scale, deviation, part_hat + 0.5 * ops.tanh(residual)

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
        rounding: see `EntropyModel.coded`.
        Returns (mean, scale, deviation, latent_hat), each [b, h, w, M].

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

    def call(self, latent, features, rounding=nearest):
        results, known = [], []
        for layer, part in zip(self.slices, ops.split(latent, len(self.slices), axis=-1)):
            seen = [ops.concatenate([x, *known], axis=-1) for x in features]
            results.append(layer(seen, part, rounding=rounding))
            known.append(results[-1][-1])
        return tuple(ops.concatenate(parts, axis=-1) for parts in zip(*results))

    def get_config(self):
        first = self.slices[0]
        return {**super().get_config(), "latents": self.latents, "slices": len(self.slices),
                "attention": first.attention, "widths": first.widths}


@keras.saving.register_keras_serializable(package="alic_tf")
class ChannelEntropyModel(EntropyModel):
    """Hyperprior with transformer-convolution blocks, and `ChannelContext`.

    Features for the means and for the scales come from hyper decoders of their own.

    Args:
        latents: number of latent channels M.
        filters: N, channels of each branch of a block in the hyper transforms.
        hyper_latents: channels of the hyper latent.
        blocks: number of blocks in each hyper transform.
        head_dim: channels of an attention head there; it divides N.
        slices, attention, widths: see `ChannelContext`.

    Source: Liao 2024, github.com/J-S-Liao/ICWEM, after arXiv 2303.14978; published with the values
    given here.
    """

    integer = ExactChannelModel
    # Two hyper windows, or one of the attention among slices.
    alignment = 2 * HYPER_WINDOW

    def __init__(self, latents, filters=128, hyper_latents=192, blocks=2, head_dim=32, slices=5,
                 attention=128, widths=(224, 128), **kwargs):
        super().__init__(latents, hyper_latents, prior_filters=(3, 3, 3, 3), **kwargs)
        self.switches = {"filters": filters, "hyper_latents": hyper_latents, "blocks": blocks,
                         "head_dim": head_dim}

        def stage():
            return conv_transformers(blocks, 2 * filters, head_dim, HYPER_WINDOW, "float32")

        self.hyper_analysis = [
            downsampling(2 * filters, "float32"), *stage(),
            SignalConvolution(hyper_latents, 3, strides=2, dtype="float32"),
        ]
        self.mean_synthesis, self.scale_synthesis = (
            [upsampling(2 * filters, "float32"), *stage(),
             SubpixelConvolution(latents, 3, dtype="float32")]
            for _ in range(2))
        self.context = ChannelContext(latents, slices, attention, widths, name="context")

    def build(self, input_shape=None):
        latent = (None, None, None, self.latents)
        self.prior.build()
        hyper = build_sequence(self.hyper_analysis, latent)
        for synthesis in (self.mean_synthesis, self.scale_synthesis):
            build_sequence(synthesis, hyper)
        self.context.build(latent)
        self.built = True

    def integer_parts(self, unit):
        slices = {f"slice_{i}": {name: getattr(layer, name) for name in ExactSlice.NAMES}
                  for i, layer in enumerate(self.context.slices)}
        return {"prior": self.prior, "tables": IntegerTables.generate(),
                "hyper_mean": self.mean_synthesis, "hyper_scale": self.scale_synthesis,
                **slices, "smallest_scale": round(SMALLEST_SCALE * ONE)}

    def hyper_latent(self, latent, quality=ONE_RATE):
        """The hyper latent z [b, h / 4, w / 4, hyper latents], not rounded."""
        return apply(self.hyper_analysis, latent)

    def features(self, z_hat):
        """Features [b, 4 h, 4 w, M] of the rounded hyper latent, for means and for scales."""
        return [apply(synthesis, z_hat)
                for synthesis in (self.mean_synthesis, self.scale_synthesis)]

    def coded(self, latent, z, quality=ONE_RATE, rounding=nearest, smallest_coded=0.0):
        # Of a decoded latent, rounding takes off the residuals, which are within 1/2.
        hyper_bits, z_hat = self._rounded_hyper_latent(z, rounding)
        _, scale, deviation, latent_hat = self.context(
            latent, self.features(z_hat), rounding=rounding)
        return [gaussian_bits(deviation, scale), hyper_bits], latent_hat

    def call(self, latent, quality=ONE_RATE, training=False):
        z_hat, hyper_bits = self._code_hyper_latent(self.hyper_latent(latent), training)
        mean, scale, deviation, latent_hat = self.context(latent, self.features(z_hat))
        if training:
            deviation = self._noisy(latent - mean)
        return {"bits": total(gaussian_bits(deviation, scale)), "hyper_bits": hyper_bits,
                "latent_hat": latent_hat}

    def get_config(self):
        context = self.context.get_config()
        return {**super().get_config(), "latents": self.latents, **self.switches,
                **{name: context[name] for name in ("slices", "attention", "widths")}}
