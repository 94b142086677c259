"""Coding of a latent under a factorized prior alone, in integers."""

from alic_tf.integer.layers import flatten
from alic_tf.integer.model import ExactEntropyModel
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.stored import unflatten


class ExactFactorizedModel(ExactEntropyModel):
    """The exact counterpart of `FactorizedEntropyModel`: the hyper latent is the latent.

    Args:
        prior: `FactorizedTables` of the latent.
    """

    contexts = ("factorized",)
    hyper_stride = 1

    def __init__(self, prior):
        super().__init__(prior, None, len(prior.offsets))

    def arrays(self):
        """All integers of the model by name, to be stored in a file."""
        return flatten({"prior": self.prior})

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`."""
        return cls(FactorizedTables(**unflatten(arrays)["prior"]))

    def start(self, z, height, width, active):
        latent = super().start(z, height, width, active)
        for integers, row in zip(z, latent):
            row[:] = self.prior.values(integers)
        return latent

    def passes(self, z, height, width, active):
        return iter(())
