"""The masked-context entropy model in TensorFlow operations; see `ExactMaskedModel`."""

import numpy as np
import tensorflow as tf

from alic_tf import topology
from alic_tf.integer.fixed_point import FRACTION_BITS
from alic_tf.integer.masked import REACH, TAPS, ExactMaskedModel
from alic_tf.integer.model import HALF
from alic_tf.serving.arithmetic import saturate, shift_left, shift_right
from alic_tf.serving.entropy_model import EntropyModel
from alic_tf.serving.mixture import Mixture
from alic_tf.serving.networks import served


class MaskedModel(EntropyModel):
    """An `ExactMaskedModel`; see `EntropyModel`."""

    integer = ExactMaskedModel

    def __init__(self, exact):
        super().__init__(exact)
        self.hyper, self.parameters = served(exact.hyper), served(exact.parameters)
        self.context = served(exact.context)
        self._kind = exact.kind

    def code(self, coder, active, step, height, width, y=None, z=None):
        z = self.prior.code(coder, height // self.hyper_stride, width // self.hyper_stride, z)
        parameters = self._network(z, active)
        count = tf.size(active)
        # The latent with a margin of zeros above and at both sides.
        stride = width + 2 * REACH
        cells = tf.zeros([(height + REACH) * stride, count], tf.int64)
        taps = tf.stack([i * stride + j for i, j in TAPS])
        known = None if y is None else tf.reshape(tf.gather(y, active, axis=2), [-1, count])

        def code_step(number, state, cells):
            coder.state = state
            rows = tf.range(tf.maximum(0, (number - width) // 3 + 1),
                            tf.minimum(height, number // 3 + 1))
            columns = number - 3 * rows
            positions, corners = rows * width + columns, rows * stride + columns
            context = tf.gather(cells, corners[:, None] + taps)
            context = tf.reshape(tf.cast(context, tf.float64), [-1, len(TAPS) * count])
            mixture = Mixture.from_parameters(
                self._kind, parameters(context, positions), self.tables)
            symbols = None
            if y is not None:
                symbols = shift_right(tf.gather(known, positions) + HALF, FRACTION_BITS)
                symbols = tf.reshape(symbols, [-1])
            symbols = tf.reshape(coder.code(mixture, symbols), [-1, count])
            places = corners + REACH * stride + REACH
            cells = tf.tensor_scatter_nd_update(
                cells, places[:, None], shift_left(symbols, FRACTION_BITS))
            return number + 1, coder.state, cells

        last = tf.where(count > 0, width + 3 * (height - 1), 0)
        _, coder.state, cells = tf.while_loop(
            lambda number, *_: number < last, code_step, (0, coder.state, cells))
        latent = tf.reshape(cells, [height + REACH, stride, count])[REACH:, REACH:-REACH]
        places = tf.scatter_nd(active[:, None], tf.range(1, count + 1), [self._channels])
        return tf.gather(tf.pad(latent, [[0, 0], [0, 0], [1, 0]]), places, axis=2), z

    def _network(self, z, active):
        """The networks, cut down to the channels that are coded.

        Returns:
            function of contexts (n, 12 * channels) and positions (n,) to the parameters of the
            mixture, int64 (kinds, n * channels).
        """
        first, *hidden, last = self.parameters
        kernel = tf.gather(self.context.weights, active, axis=2)
        matrix = tf.concat([kernel[tap] for tap in TAPS], 0)
        kinds = last.kernel.shape[-1] // self._channels
        outputs = tf.reshape(np.arange(kinds)[:, None] * self._channels + active, [-1])
        last_matrix = tf.gather(last.weights[0, 0], outputs, axis=1)
        last_bias = tf.gather(tf.cast(last.bias, tf.float64), outputs)
        # What the first layer makes of the hyper output needs no waiting for the context.
        x = topology.apply(self.hyper, self.prior.values(z)[None])
        hyper = tf.reshape(x, [-1, x.shape[-1]])
        split = first.kernel.shape[2] - x.shape[-1]
        first_matrix = first.weights[0, 0]
        hyper_sums = tf.matmul(hyper, first_matrix[split:]) + tf.cast(first.bias, tf.float64)

        def parameters(contexts, positions):
            context = tf.matmul(saturate(contexts), matrix) + tf.cast(self.context.bias, tf.float64)
            context = self.context.finish(context)
            sums = tf.gather(hyper_sums, positions) + tf.matmul(context, first_matrix[:split])
            x = topology.apply(hidden, first.finish(sums))
            x = last.finish(tf.matmul(x, last_matrix) + last_bias)
            x = tf.reshape(tf.cast(x, tf.int64), [tf.size(positions), kinds, -1])
            return tf.reshape(tf.transpose(x, [1, 0, 2]), [kinds, -1])

        return parameters
