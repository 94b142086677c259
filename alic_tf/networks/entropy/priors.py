"""Factorized prior of the hyper latent."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.lower_bound import lower_bound

LIKELIHOOD_BOUND = 1e-9


@keras.saving.register_keras_serializable(package="alic_tf")
class DeepFactorized(keras.layers.Layer):
    """Fully factorized prior with one learned cumulative per channel.

    Each channel's cumulative distribution is a small monotone network from a scalar to a logit:

        v -> softplus(H1) v + b1 -> + tanh(a1) tanh(.) -> ... -> softplus(Hk) . + bk = logit

    The probability of an integer is the difference of the cumulative at its bin edges. Integers
    are counted from the channel's median: z_hat = floor(z + 1/2 - median) + median.

    Args:
        channels: number of channels C.
        filters: widths of the hidden layers of the cumulative network.
        init_scale: half-width of the initial distribution, in latent units.

    Call:
        z: float tensor [..., C].
        training: with True, noise U(-1/2, 1/2) stands for rounding; else z is rounded.

    Returns:
        (z_tilde, likelihoods), both shaped as z; likelihoods are bounded below by 1e-9.

    Source: Ballé et al. 2018, appendix 6.1, as in TensorFlow Compression.
    """

    def __init__(self, channels, filters=(3, 3, 3), init_scale=10.0, seed=None, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.channels = channels
        self.filters = tuple(filters)
        self.init_scale = init_scale
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape=None):
        sizes = (1, *self.filters, 1)
        scale = self.init_scale ** (1 / (len(self.filters) + 1))
        self.matrices, self.biases, self.factors = [], [], []
        for i, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:])):
            self.matrices.append(
                self.add_weight(
                    name=f"matrix_{i}",
                    shape=(self.channels, n_out, n_in),
                    initializer=keras.initializers.Constant(np.log(np.expm1(1 / scale / n_out))),
                )
            )
            self.biases.append(
                self.add_weight(
                    name=f"bias_{i}",
                    shape=(self.channels, n_out, 1),
                    initializer=keras.initializers.RandomUniform(-0.5, 0.5),
                )
            )
            if i < len(self.filters):
                self.factors.append(
                    self.add_weight(
                        name=f"factor_{i}", shape=(self.channels, n_out, 1), initializer="zeros"
                    )
                )
        self.medians = self.add_weight(name="medians", shape=(self.channels,), trainable=False)
        self.built = True

    def logits(self, values):
        """Logits of the cumulative distribution at `values`, [C, 1, n] -> [C, 1, n]."""
        x = values
        for i, (matrix, bias) in enumerate(zip(self.matrices, self.biases)):
            x = ops.matmul(ops.softplus(matrix), x) + bias
            if i < len(self.factors):
                x = x + ops.tanh(self.factors[i]) * ops.tanh(x)
        return x

    def likelihood(self, values):
        """Probability of the unit bin around each value, [..., C] -> [..., C]."""
        shape = ops.shape(values)
        rows = ops.reshape(ops.transpose(ops.reshape(values, (-1, self.channels))), (
            self.channels, 1, -1))
        lower, upper = self.logits(rows - 0.5), self.logits(rows + 0.5)
        # Both edges are moved to the side of the tail, where sigmoid keeps its precision.
        above = ops.cast(lower + upper > 0, lower.dtype)
        sign = ops.stop_gradient(1 - 2 * above)
        mass = ops.abs(ops.sigmoid(sign * upper) - ops.sigmoid(sign * lower))
        mass = ops.transpose(ops.reshape(mass, (self.channels, -1)))
        return lower_bound(ops.reshape(mass, shape), LIKELIHOOD_BOUND)

    def round(self, values):
        """The nearest values that can be coded: whole numbers away from the median."""
        return ops.floor(values + 0.5 - self.medians) + self.medians

    def call(self, z, training=False):
        z = ops.cast(z, "float32")
        if training:
            noise = keras.random.uniform(ops.shape(z), -0.5, 0.5, seed=self.seed_generator)
            z_tilde = z + noise
        else:
            z_tilde = self.round(z)
        return z_tilde, self.likelihood(z_tilde)

    def cumulative(self, values):
        """Probability to be at most each value, [C, n] (numpy)."""
        logits = np.asarray(self.logits(np.asarray(values)[:, None].astype("float32")), "float64")
        return 0.5 + 0.5 * np.tanh(0.5 * logits[:, 0])

    def quantile(self, probability, tolerance=1e-4):
        """Values [C] (numpy) at which each channel's cumulative equals `probability`."""
        target = np.log(probability / (1 - probability))
        low, high = np.full(self.channels, -1e4), np.full(self.channels, 1e4)
        while np.max(high - low) > tolerance:
            middle = (low + high) / 2
            rows = ops.convert_to_tensor(middle.reshape(-1, 1, 1).astype("float32"))
            below = ops.convert_to_numpy(self.logits(rows)).reshape(-1) < target
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2

    def center(self):
        """Sets the medians to those of the learned distributions."""
        self.medians.assign(self.quantile(0.5))

    def get_config(self):
        return {
            **super().get_config(),
            "channels": self.channels,
            "filters": self.filters,
            "init_scale": self.init_scale,
        }
