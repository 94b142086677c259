"""The masked-context entropy model of Fu et al. in integers, decoded as a wavefront."""

from functools import partial

import numpy as np

from alic_tf import topology
from alic_tf.integer.fixed_point import FixedPointConvolution, saturate
from alic_tf.integer.layers import flatten, recognized
from alic_tf.integer.mixture import MIXTURES, IntegerMixture
from alic_tf.integer.model import ExactEntropyModel, Part, Prediction
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.stored import numbered, unflatten
from alic_tf.integer.tables import IntegerTables

# The context sees two rows up and two columns to each side: these taps of a 5x5 kernel, which read
# that many rows and columns away.
REACH = 2
TAPS = [(i, j) for i in range(3) for j in range(5) if (i, j) < (2, 2)]
ROWS, COLUMNS = np.array(TAPS).T - REACH
# Positions whose parameters the encoder computes together: bounds its memory.
BATCH = 2048


def wavefront(height, width):
    """Positions (row * width + column) grouped by column + 3 * row, in order.

    A masked 5x5 context reaches two columns to the right in the row above, so that positions of
    equal column + 3 * row do not depend on each other, and only on groups before.
    """
    rows, columns = np.divmod(np.arange(height * width), width)
    step = columns + 3 * rows
    order = np.argsort(step, kind="stable")
    return np.split(order, np.cumsum(np.bincount(step))[:-1])


class ExactMaskedModel(ExactEntropyModel):
    """Hyper decoder, masked 5x5 context and three 1x1 layers, all in fixed point.

    Channels that are zero everywhere are not coded and their parameters not computed (Fu et al.,
    arXiv 2206.10618, algorithm 1).

    Args:
        kind: kind of mixture, of `distributions.MIXTURES`.
        prior: `FactorizedTables` of the hyper latent.
        tables: `IntegerTables`.
        hyper: layers of the hyper decoder.
        context: masked 5x5 `FixedPointConvolution`, from the N channels of the latent.
        parameters: layers of single positions, of which the first and the last are 1x1
            `FixedPointConvolution`s, from the output of context followed by that of hyper, to the
            parameters of the mixture, N channels of each kind in turn.
    """

    contexts = ("masked",)
    skips_channels = foreseen = True

    def __init__(self, kind, prior, tables, hyper, context, parameters):
        super().__init__(prior, tables, context.kernel.shape[2])
        self.kind = kind
        self.hyper = list(hyper)
        self.context = context
        self.parameters = list(parameters)

    def arrays(self):
        """All integers of the model by name, to be stored in a file."""
        parts = {"prior": self.prior, "tables": self.tables, "context": self.context}
        for name, layers in (("hyper", self.hyper), ("parameters", self.parameters)):
            parts |= {f"{name}_{i}": layer for i, layer in enumerate(layers)}
        return {**flatten(parts), "kind": np.int32(tuple(MIXTURES).index(self.kind))}

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`."""
        parts = unflatten(arrays)

        def layers(name):
            return map(recognized, numbered(parts, name))

        return cls(tuple(MIXTURES)[int(parts["kind"])], FactorizedTables(**parts["prior"]),
                   IntegerTables(**parts["tables"]), layers("hyper"),
                   FixedPointConvolution.from_arrays(parts["context"]), layers("parameters"))

    def passes(self, z, height, width, active):
        network = _ActiveNetwork(self, z, active)
        for positions in wavefront(height, width):
            yield partial(network.predict, [positions])

    def passes_together(self, z, height, width, active):
        network = _ActiveNetwork(self, z, active)
        for steps in _batches(wavefront(height, width)):
            yield partial(network.predict, steps)


def _batches(steps):
    """Lists of consecutive steps, each but the last just past `BATCH` positions."""
    batch, size = [], 0
    for step in steps:
        batch.append(step)
        size += len(step)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def contexts(latent, positions):
    """Neighbours above and to the left in a latent (height, width, C), float64 (n, 12 * C)."""
    height, width, channels = latent.shape
    rows, columns = np.divmod(positions, width)
    rows, columns = rows[:, None] + ROWS, columns[:, None] + COLUMNS
    inside = (rows >= 0) & (columns >= 0) & (columns < width)
    cells = np.where(inside, rows * width + columns, 0)
    known = saturate(latent.reshape(-1, channels)[cells].astype("float64"))
    known *= inside[..., None]
    return known.reshape(len(positions), -1)


class _ActiveNetwork:
    """The networks of a model for one image, cut down to the channels that are coded."""

    def __init__(self, model, z, active):
        self.model = model
        self.active = active
        kernel = model.context.kernel[..., active, :].astype("float64")
        self.context = np.concatenate([kernel[tap] for tap in TAPS])
        first, *self.hidden, last = model.parameters
        kinds = last.kernel.shape[-1] // model.channels
        outputs = (np.arange(kinds)[:, None] * model.channels + active).reshape(-1)
        self.last = FixedPointConvolution(last.kernel[..., outputs], last.bias[outputs],
                                          last.exponent, activation=last.activation)
        # What the first layer makes of the hyper output needs no waiting for the context.
        x = topology.apply(model.hyper, model.prior.values(z)[None])
        hyper = x.reshape(-1, x.shape[-1])
        self.hyper_sums = hyper @ first.matrix[-hyper.shape[1]:] + first.bias
        self.context_matrix = first.matrix[:-hyper.shape[1]]

    def predict(self, steps, latent):
        """The `Prediction` of the positions of some steps."""
        count, positions = len(self.active), np.concatenate(steps)
        elements = (positions[:, None] * count + np.arange(count)).reshape(-1)
        part = Part(elements, 0, self.mixture(contexts(latent, positions), positions),
                    elements.size / latent.size)
        return Prediction(iter([part]), sizes=[len(step) * count for step in steps])

    def mixture(self, contexts, positions):
        """Distributions of all channels at these positions."""
        model = self.model
        context = contexts @ self.context + model.context.bias
        context = model.context.finish(context)
        sums = self.hyper_sums[positions] + context @ self.context_matrix
        x = self.last(topology.apply(self.hidden, model.parameters[0].finish(sums)))
        kinds = x.shape[1] // len(self.active)
        x = x.reshape(len(positions), kinds, -1).swapaxes(0, 1).reshape(kinds, -1)
        return IntegerMixture.from_parameters(model.kind, x, model.tables)
