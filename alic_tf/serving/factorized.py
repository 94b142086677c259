"""The entropy model without context in TensorFlow operations; see `ExactFactorizedModel`."""

import tensorflow as tf

from alic_tf.integer.factorized import ExactFactorizedModel
from alic_tf.serving.entropy_model import EntropyModel


class FactorizedModel(EntropyModel):
    """An `ExactFactorizedModel`; see `EntropyModel`."""

    integer = ExactFactorizedModel

    def code(self, coder, active, step, height, width, y=None, z=None):
        z = self.prior.code(coder, height, width, z)
        return tf.cast(self.prior.values(z), tf.int64), z
