"""The optimizer of the trainings."""

import contextlib

import keras
from keras import ops


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
        correction = ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        super()._backend_update_step(grads, trainable_variables, learning_rate * correction)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        self.assign_sub(variable, m * learning_rate / (ops.sqrt(v) + self.epsilon))
