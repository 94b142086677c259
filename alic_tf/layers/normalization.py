"""Normalisations over channels: divisive (GDN) and LayerNorm with PReLU."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.lower_bound import lower_bound

PEDESTAL = 2.0 ** -36
BETA_MINIMUM = 1e-6
GAMMA_MINIMUM = 0.0


def _raw_bound(minimum):
    return float(np.sqrt(minimum + PEDESTAL))


def _raw(value, minimum):
    return np.sqrt(np.maximum(np.asarray(value, "float64"), minimum) + PEDESTAL)


def _effective(raw, minimum):
    return ops.square(lower_bound(raw, _raw_bound(minimum))) - PEDESTAL


@keras.saving.register_keras_serializable(package="alic_tf")
class GDN(keras.layers.Layer):
    """Generalised divisive normalisation.

    y_i = x_i / (beta_i + sum_j gamma_ji |x_j|^alpha)^epsilon

    Balle et al., arXiv 1511.06281. The defaults alpha = 2, epsilon = 1/2 are the form in which
    Fu et al. use it; alpha = epsilon = 1 is the simplified form of Johnston et al.
    (arXiv 1912.08771).

    beta >= 1e-6 and gamma >= 0 are kept by training square roots: value = max(v, b)^2 - 2^-36
    with b = sqrt(minimum + 2^-36). The offset keeps the gradient alive at gamma = 0, and
    `lower_bound` keeps it alive below the bound. `beta` and `gamma` hold the square roots;
    `effective` and `set_effective` speak of the values in the formula.

    Args:
        inverse: multiply instead of divide (the decoder's IGDN).
        alpha: exponent of the magnitudes, positive.
        epsilon: exponent of the sum, positive.
        rectify: apply ReLU to the input first.
        gamma_init: initial diagonal of gamma; beta starts at 1.

    Accepts any rank of at least 2 with the channels last, and keeps shape and dtype. The sum is
    computed in float32 under mixed precision, for squares of activations overrun half precision.
    """

    def __init__(self, inverse=False, alpha=2, epsilon=0.5, rectify=False, gamma_init=0.1,
                 **kwargs):
        super().__init__(**kwargs)
        if alpha <= 0 or epsilon <= 0:
            raise ValueError(f"alpha and epsilon must be positive, not {alpha} and {epsilon}")
        self.inverse = inverse
        self.alpha = alpha
        self.epsilon = epsilon
        self.rectify = rectify
        self.gamma_init = gamma_init

    def build(self, input_shape):
        channels = input_shape[-1]

        def initial_beta(shape, dtype=None):
            return ops.cast(_raw(np.ones(shape), BETA_MINIMUM), dtype)

        def initial_gamma(shape, dtype=None):
            return ops.cast(_raw(self.gamma_init * np.eye(channels), GAMMA_MINIMUM), dtype)

        # Square roots near 2^-18 need full precision, so these stay out of autocasting.
        self.beta = self.add_weight(shape=(channels,), initializer=initial_beta, name="beta",
                                    autocast=False)
        self.gamma = self.add_weight(shape=(channels, channels), initializer=initial_gamma,
                                     name="gamma", autocast=False)

    def effective(self):
        """Returns (beta of shape (c,), gamma of shape (c in, c out)) as they enter the formula."""
        return (_effective(ops.convert_to_tensor(self.beta), BETA_MINIMUM),
                _effective(ops.convert_to_tensor(self.gamma), GAMMA_MINIMUM))

    def set_effective(self, beta, gamma):
        """Sets the weights so that `effective` returns these arrays (clipped to their minima)."""
        self.beta.assign(_raw(beta, BETA_MINIMUM))
        self.gamma.assign(_raw(gamma, GAMMA_MINIMUM))

    def call(self, x):
        if self.rectify:
            x = ops.relu(x)
        beta, gamma = self.effective()
        wide = ops.cast(x, beta.dtype)
        norm = ops.matmul(self._power(wide), gamma) + beta
        if self.epsilon == 0.5:
            scale = ops.sqrt(norm) if self.inverse else ops.rsqrt(norm)
        elif self.epsilon == 1:
            scale = norm if self.inverse else 1 / norm
        else:
            scale = ops.power(norm, self.epsilon if self.inverse else -self.epsilon)
        return ops.cast(wide * scale, x.dtype)

    def _power(self, x):
        if self.alpha == 2:
            return ops.square(x)
        if self.alpha == 1:
            return ops.abs(x)
        return ops.power(ops.abs(x), self.alpha)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "inverse": self.inverse, "alpha": self.alpha,
                "epsilon": self.epsilon, "rectify": self.rectify, "gamma_init": self.gamma_init}


@keras.saving.register_keras_serializable(package="alic_tf")
class LayerNormPReLU(keras.layers.Layer):
    """LayerNorm over the channels of each position, then a ReLU with a trained slope per channel.

    The light successor's replacement of GDN, at a cost linear in the channels (ConvNeXt's
    normalisation, arXiv 2201.03545, with the activation of arXiv 1502.01852).

    Keeps shape (batch, ..., channels) and dtype.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.normalization = keras.layers.LayerNormalization(epsilon=1e-5,
                                                             dtype=self.dtype_policy)

    def build(self, input_shape):
        self.normalization.build(input_shape)
        self.slope = self.add_weight(shape=(input_shape[-1],), name="slope",
                                     initializer=keras.initializers.Constant(0.25))

    def call(self, x):
        x = self.normalization(x)
        return ops.where(x > 0, x, x * ops.convert_to_tensor(self.slope))

    def compute_output_shape(self, input_shape):
        return input_shape


def make_normalization(kind, inverse=False, **kwargs):
    """Returns a normalisation layer.

    Args:
        kind: "gdn", "ln_prelu", or a dictionary of arguments of `GDN`, such as
            {"alpha": 1, "epsilon": 1}.
        inverse: for GDN, the inverse form; "ln_prelu" serves both ways as it is.
        **kwargs: passed to the layer (dtype, name).

    Raises:
        ValueError: another kind.
    """
    if kind == "gdn" or isinstance(kind, dict):
        form = {} if kind == "gdn" else kind
        return GDN(inverse=inverse, **form, **kwargs)
    if kind == "ln_prelu":
        return LayerNormPReLU(**kwargs)
    raise ValueError(f"normalization must be 'gdn', 'ln_prelu' or GDN's arguments, not {kind!r}")
