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
            variable.assign(value)

    def apply(self, grads, trainable_variables=None):
        squares = [ops.sum(ops.square(g)) for g in grads if g is not None]
        finite = ops.isfinite(sum(squares))
        grads = [g if g is None else ops.where(finite, g, ops.zeros_like(g)) for g in grads]
        super().apply(grads, trainable_variables)  # also builds
        self.skipped.assign_add(1 - ops.cast(finite, "int32"))
