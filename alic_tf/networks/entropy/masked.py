"""The family `masked`: each latent element predicted from its decoded neighbours."""

import keras
from keras import ops

from alic_tf.integer.masked import ExactMaskedModel
from alic_tf.integer.mixture import MIXTURES
from alic_tf.integer.stored import Fixed
from alic_tf.integer.tables import IntegerTables
from alic_tf.layers.convolution import MaskedConvolution, SignalConvolution
from alic_tf.networks.entropy.distributions import Mixture
from alic_tf.networks.entropy.hyperprior import HyperAnalysis, HyperSynthesis
from alic_tf.networks.entropy.model import ONE_RATE, EntropyModel, nearest, total

# Widths of the two hidden layers, and the number of outputs per latent channel.
_WIDTHS = {"gaussian": (640, 640, 2), "gmm": (640, 640, 9), "gllmm": (640, 1280, 30)}


def split_mixture(kind, parameters):
    """Reads the output channels of a parameter network as a mixture.

    Channels come in groups of N, in the order of the authors' code: for each component its weight
    logits, means and scales; then, for "gllmm", the logits of the three families. For "gaussian"
    there are means and scales alone. Weights are softmaxes, within each family times that of the
    family; scales are absolute values.

    Args:
        kind: "gaussian", "gmm" or "gllmm".
        parameters: tensor (batch, h, w, outputs * N).

    Returns:
        `Mixture` of tensors (batch, h, w, N, components).
    """
    families = MIXTURES[kind]
    count = len(families)
    groups = ops.split(ops.cast(parameters, "float32"), _WIDTHS[kind][-1], axis=-1)

    def stack(first, last):
        return ops.stack(groups[first:last:3], axis=-1)

    if kind == "gaussian":
        means, scales = (group[..., None] for group in groups)
        return Mixture(families, ops.zeros_like(means), means, ops.abs(scales))
    log_weights = []
    for first in range(0, 3 * count, 9):
        log_weights.append(ops.log_softmax(stack(first, first + 9), axis=-1))
    if kind == "gllmm":
        family_logs = ops.log_softmax(ops.stack(groups[3 * count:], axis=-1), axis=-1)
        log_weights = [logs + family_logs[..., i:i + 1] for i, logs in enumerate(log_weights)]
    return Mixture(families, ops.concatenate(log_weights, axis=-1), stack(1, 3 * count),
                   ops.abs(stack(2, 3 * count)))


@keras.saving.register_keras_serializable(package="alic_tf")
class MaskedContext(keras.layers.Layer):
    """Mixture parameters from the hyper decoder's output and a causal 5x5 window of the latent.

    masked 5x5 of the latent to 2N channels, concatenated with the hyper output; 1x1 LeakyReLU,
    1x1 LeakyReLU, 1x1. Fu et al., arXiv 2206.10618, figure 2; the Gaussian-Laplacian-logistic
    mixture is that of their arXiv 2107.06463. Decoding takes one step per wavefront.

    Args:
        latents: number N of latent channels.
        mixture: "gaussian", "gmm" (three Gaussians) or "gllmm" (three of each family).

    Call:
        hyper: (batch, h, w, any); latent: (batch, h, w, N), rounded or noisy.
        Returns a `Mixture` of float32 tensors (batch, h, w, N, components).

    Attributes:
        masked: the `MaskedConvolution`.
        layers_sequence: the three 1x1 `SignalConvolution`, applied to [masked(latent), hyper].

    Raises:
        ValueError: unknown mixture.
    """

    def __init__(self, latents, mixture="gmm", **kwargs):
        super().__init__(**kwargs)
        if mixture not in _WIDTHS:
            raise ValueError(f"mixture must be one of {tuple(_WIDTHS)}, not {mixture!r}")
        self.latents = latents
        self.mixture = mixture
        first, second, outputs = _WIDTHS[mixture]
        dtype = self.dtype_policy
        self.masked = MaskedConvolution(2 * latents, 5, dtype=dtype, name="masked")
        self.layers_sequence = [
            SignalConvolution(first, 1, activation="leaky_relu", dtype=dtype, name="layer_0"),
            SignalConvolution(second, 1, activation="leaky_relu", dtype=dtype, name="layer_1"),
            SignalConvolution(outputs * latents, 1, use_bias=False, dtype=dtype, name="layer_2"),
        ]

    def build(self, hyper_shape, latent_shape=None):
        grid = (None, None, None)
        self.masked.build((*grid, self.latents))
        channels = hyper_shape[-1] + 2 * self.latents
        for layer in self.layers_sequence:
            layer.build((*grid, channels))
            channels = layer.filters

    def parameters(self, hyper, latent):
        """The last layer's output (batch, h, w, outputs * N), to be read by `split_mixture`."""
        x = ops.concatenate([self.masked(latent), hyper], axis=-1)
        for layer in self.layers_sequence:
            x = layer(x)
        return x

    def call(self, hyper, latent):
        return split_mixture(self.mixture, self.parameters(hyper, latent))

    def get_config(self):
        return {**super().get_config(), "latents": self.latents, "mixture": self.mixture}


@keras.saving.register_keras_serializable(package="alic_tf")
class MaskedEntropyModel(EntropyModel):
    """The paper's entropy model: masked 5x5 context and a mixture; the latent itself is rounded.

    Args:
        latents: number N of latent channels.
        mixture: "gaussian", "gmm" or "gllmm".

    Source: Fu et al. 2022, section III-D; GLLMM: arXiv 2107.06463.
    """

    def __init__(self, latents, mixture="gmm", **kwargs):
        super().__init__(latents, latents, **kwargs)
        self.mixture = mixture
        self.hyper_analysis = HyperAnalysis(latents, dtype="float32", name="hyper_analysis")
        self.hyper_synthesis = HyperSynthesis(latents, dtype="float32", name="hyper_synthesis")
        self.context = MaskedContext(latents, mixture, dtype="float32", name="context")

    integer = ExactMaskedModel

    def build(self, input_shape=None):
        shape = (None, None, None, self.latents)
        for layer in (self.prior, self.hyper_analysis, self.hyper_synthesis):
            layer.build(shape)
        self.context.build((None, None, None, 2 * self.latents), shape)
        self.built = True

    def integer_parts(self, unit):
        layers = {"hyper": self.hyper_synthesis.layers_sequence,
                  "parameters": self.context.layers_sequence}
        return {"prior": self.prior, "tables": IntegerTables.generate(),
                "context": self.context.masked,
                **{f"{name}_{i}": layer for name, sequence in layers.items()
                   for i, layer in enumerate(sequence)},
                "kind": Fixed(tuple(MIXTURES).index(self.mixture))}

    def hyper_latent(self, latent, quality=ONE_RATE):
        """The hyper latent z [b, h / 4, w / 4, N], not rounded."""
        return self.hyper_analysis(latent)

    def distribution(self, z_hat, latent_hat):
        """`Mixture` of each latent element given the rounded hyper latent and latent."""
        return self.context(self.hyper_synthesis(z_hat), latent_hat)

    def coded(self, latent, z, quality=ONE_RATE, rounding=nearest, smallest_coded=0.0):
        hyper_bits, z_hat = self._rounded_hyper_latent(z, rounding)
        latent_hat = rounding(latent, None)
        bits = self.distribution(z_hat, latent_hat).bits(latent_hat)
        return [bits, hyper_bits], latent_hat

    def call(self, latent, quality=ONE_RATE, training=False):
        z_hat, hyper_bits = self._code_hyper_latent(self.hyper_latent(latent), training)
        latent_hat = nearest(latent)
        values = self._noisy(latent) if training else latent_hat
        # As the authors do, the context sees in training the values whose rate is counted.
        bits = self.distribution(z_hat, values).bits(values)
        return {"bits": total(bits), "hyper_bits": hyper_bits, "latent_hat": latent_hat}

    def get_config(self):
        return {**super().get_config(), "latents": self.latents, "mixture": self.mixture}
