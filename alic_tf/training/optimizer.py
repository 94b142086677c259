"""The optimizers of the trainings."""

import contextlib
import math

import keras
from keras import ops

# Muon's momentum, and the quintic iteration that brings all singular values near 1 (Jordan et al.,
# "Muon: An optimizer for hidden layers in neural networks", 2024).
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5
# Root mean square of an update in learning rates, as Adam's is (Liu et al., arXiv 2502.16982).
UPDATE_SIZE = 0.2
# A matrix with a shorter side has too few directions to be worth equal steps in all of them.
SMALLEST_SIDE = 16
# Part of the rate for kernels that begin nearly right.
LINEAR_SHARE = 0.1


@keras.saving.register_keras_serializable(package="alic_tf")
class FiniteAdam(keras.optimizers.Adam):
    """Adam that learns nothing from a step whose gradient is not finite.

    Such a gradient counts as zero: the weights move on by momentum, and nothing is poisoned.

    Attributes:
        skipped: int variable, the number of such steps so far.
    """

    def build(self, variables):
        super().build(variables)
        self.skipped = self.add_variable(
            shape=(), initializer="zeros", dtype="int32", name="skipped"
        )

    def finalize_variable_values(self, var_list):
        """Leaves the variables as they are after `fit`: the training may be resumed."""

    @contextlib.contextmanager
    def averages(self):
        """Inside, the variables have the values of their moving averages, if these are kept."""
        if not self.use_ema:
            yield
            return
        own = [ops.convert_to_numpy(variable) for variable in self._trainable_variables]
        self._assign(self._model_variables_moving_average)
        try:
            yield
        finally:
            self._assign(own)

    def _assign(self, values):
        for variable, value in zip(self._trainable_variables, values, strict=True):
            # A copy, since JAX gives up the memory of what it is called with.
            variable.assign(ops.copy(value))

    def apply(self, grads, trainable_variables=None):
        squares = [ops.sum(ops.square(g)) for g in grads if g is not None]
        finite = ops.isfinite(sum(squares))
        grads = [g if g is None else ops.where(finite, g, ops.zeros_like(g)) for g in grads]
        super().apply(grads, trainable_variables)  # also builds
        self.skipped.assign_add(1 - ops.cast(finite, "int32"))

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        """As Keras, but Adam's correction of the rate is made once, not for each variable.

        The graph of a step is a third smaller, and so is the time before the first step.
        """
        step = ops.cast(self.iterations + 1, "float32")
        self.correction = ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        rate = learning_rate * self.correction
        self.assign_sub(variable, m * rate / (ops.sqrt(v) + self.epsilon))


@keras.saving.register_keras_serializable(package="alic_tf")
class FiniteMuon(FiniteAdam):
    """Muon for the kernels of convolutions and dense layers, `FiniteAdam` for everything else.

    A kernel counts as a matrix (all but the last axis, outputs). Its update is the momentum with
    all singular values brought near 1, so that directions with small gradients learn, too. Biases,
    gains, depthwise kernels and whatever else has a side under 16 go by Adam, at the same rate; so
    do the kernels of layers named "linear", at a tenth of it: they begin as a transform that is
    nearly right, and a constant rate would keep shaking it.

    Source: Jordan et al. 2024; the size of updates as in Liu et al., arXiv 2502.16982, section 2.2.
    """

    def build(self, variables):
        super().build(variables)
        self.is_matrix = [_is_matrix(variable) for variable in variables]
        self.shares = [LINEAR_SHARE if _is_linear(variable) else 1.0 for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if not self.is_matrix[index]:
            super().update_step(gradient, variable, learning_rate * self.shares[index])
            return
        m = self._momentums[index]
        self.assign(m, MOMENTUM * m + gradient)
        matrix = ops.reshape(gradient + MOMENTUM * m, (-1, variable.shape[-1]))
        size = UPDATE_SIZE * math.sqrt(max(matrix.shape))
        update = ops.reshape(orthogonalized(matrix), variable.shape)
        self.assign_sub(variable, learning_rate * size * update)


def _is_linear(variable):
    return variable.path.endswith("linear/kernel")


def _is_matrix(variable):
    if variable.name != "kernel" or _is_linear(variable):
        return False
    return min(math.prod(variable.shape[:-1]), variable.shape[-1]) >= SMALLEST_SIDE


def orthogonalized(matrix):
    """A matrix [m, n] with the same singular vectors and singular values of 0.7 to 1.2.

    The iteration multiplies X by polynomials of X X^T, which commute; so they are gathered in the
    small square matrix, and X is multiplied once: two fifths of the multiplications for a kernel of
    3x3 taps and as many outputs as inputs, and a third more for a square matrix.
    """
    if matrix.shape[0] < matrix.shape[1]:
        return ops.transpose(orthogonalized(ops.transpose(matrix)))
    a, b, c = NEWTON_SCHULZ
    x = matrix / (ops.norm(matrix) + 1e-7)
    square = ops.matmul(ops.transpose(x), x)
    identity = ops.eye(matrix.shape[1])
    factor = identity
    for _ in range(NEWTON_SCHULZ_STEPS):
        step = a * identity + ops.matmul(square, b * identity + c * square)
        factor = ops.matmul(factor, step)
        square = ops.matmul(ops.matmul(square, step), step)
    return ops.matmul(x, factor)


OPTIMIZERS = {"adam": FiniteAdam, "muon": FiniteMuon}
