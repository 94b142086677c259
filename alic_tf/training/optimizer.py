"""The optimizer of the trainings."""

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

    def apply(self, grads, trainable_variables=None):
        squares = [ops.sum(ops.square(g)) for g in grads if g is not None]
        finite = ops.isfinite(sum(squares))
        grads = [g if g is None else ops.where(finite, g, ops.zeros_like(g)) for g in grads]
        super().apply(grads, trainable_variables)  # also builds
        self.skipped.assign_add(1 - ops.cast(finite, "int32"))
