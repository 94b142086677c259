"""The masked-context entropy model of Fu et al. in integers, decoded as a wavefront."""

import numpy as np

from alic_tf.integer.fixed_point import FRACTION_BITS, FixedPointConvolution, saturate
from alic_tf.integer.mixture import MIXTURES, IntegerMixture
from alic_tf.integer.model import ExactEntropyModel, Part, rounded
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.stored import flatten, numbered, unflatten
from alic_tf.integer.tables import IntegerTables

# The context sees two rows up and two columns to each side.
REACH = 2
TAPS = [(i, j) for i in range(3) for j in range(5) if (i, j) < (2, 2)]
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
        hyper: `FixedPointConvolution` layers of the hyper decoder.
        context: masked 5x5 `FixedPointConvolution`, from the N channels of the latent.
        parameters: three 1x1 `FixedPointConvolution` layers, from the output of context followed
            by that of hyper, to the parameters of the mixture, N channels of each kind in turn.
    """

    contexts = ("masked",)
    skips_channels = True

    def __init__(self, kind, prior, tables, hyper, context, parameters):
        super().__init__(prior, tables, context.kernel.shape[2])
        self.kind = kind
        self.hyper = list(hyper)
        self.context = context
        self.parameters = list(parameters)

    def arrays(self):
        """All integers of the model by name, to be stored in a file."""
        parts = {"prior": self.prior, "tables": self.tables, "context": self.context}
        parts |= {f"hyper_{i}": layer for i, layer in enumerate(self.hyper)}
        parts |= {f"parameters_{i}": layer for i, layer in enumerate(self.parameters)}
        return {**flatten(parts), "kind": np.int32(tuple(MIXTURES).index(self.kind))}

    @classmethod
    def from_arrays(cls, arrays):
        """Inverse of `arrays`."""
        parts = unflatten(arrays)

        def layers(name):
            return map(FixedPointConvolution.from_arrays, numbered(parts, name))

        return cls(tuple(MIXTURES)[int(parts["kind"])], FactorizedTables(**parts["prior"]),
                   IntegerTables(**parts["tables"]), layers("hyper"),
                   FixedPointConvolution.from_arrays(parts["context"]), layers("parameters"))

    def passes(self, z, latent, active):
        height, width, _ = latent.shape
        network = _ActiveNetwork(self, z, active)
        canvas = network.canvas(height, width)
        flat = latent.reshape(height * width, -1)
        for positions in wavefront(height, width):
            mixture = network.mixture(canvas, positions)
            share = len(positions) / (height * width)
            yield iter([Part(network.elements(positions), 0, mixture, share)])
            canvas.write(positions, flat[positions])

    def _encode_latent(self, encoder, z, y, latent, active, advance):
        # All is known to the encoder: many steps of the wavefront at once.
        height, width, _ = y.shape
        for row, out in zip(y, latent):
            out[:] = rounded(row) << FRACTION_BITS
        latent = latent.reshape(height * width, -1)
        network = _ActiveNetwork(self, z, active)
        canvas = network.canvas(height, width)
        canvas.write(np.arange(height * width), latent)
        for steps in _batches(wavefront(height, width)):
            positions = np.concatenate(steps)
            sizes = [len(step) * len(active) for step in steps]
            encoder.encode_mixture(latent[positions].reshape(-1) >> FRACTION_BITS,
                                   network.mixture(canvas, positions), sizes)
            advance(len(positions) / len(latent))


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


class _Canvas:
    """The decoded latent with a margin of zeros, from which contexts are gathered."""

    def __init__(self, height, width, channels):
        self.width = width
        self.stride = width + 2 * REACH
        self.cells = np.zeros(((height + REACH) * self.stride, channels))
        self.taps = np.array([i * self.stride + j for i, j in TAPS])

    def write(self, positions, latent):
        rows, columns = np.divmod(positions, self.width)
        self.cells[(rows + REACH) * self.stride + columns + REACH] = saturate(latent)

    def contexts(self, positions):
        """Neighbours above and to the left, (positions, 12 * channels)."""
        rows, columns = np.divmod(positions, self.width)
        cells = (rows * self.stride + columns)[:, None] + self.taps
        return self.cells[cells].reshape(len(positions), -1)


class _ActiveNetwork:
    """The networks of a model for one image, cut down to the channels that are coded."""

    def __init__(self, model, z, active):
        self.model = model
        self.active = active
        kernel = model.context.kernel[..., active, :].astype("float64")
        self.context = np.concatenate([kernel[tap] for tap in TAPS])
        first, self.hidden, last = model.parameters
        kinds = last.kernel.shape[-1] // model.channels
        outputs = (np.arange(kinds)[:, None] * model.channels + active).reshape(-1)
        self.last = FixedPointConvolution(last.kernel[..., outputs], last.bias[outputs],
                                          last.exponent, activation=last.activation)
        # What the first layer makes of the hyper output needs no waiting for the context.
        x = model.prior.values(z)[None]
        for layer in model.hyper:
            x = layer(x)
        hyper = x.reshape(-1, x.shape[-1])
        self.hyper_sums = hyper @ first.matrix[-hyper.shape[1]:] + first.bias
        self.context_matrix = first.matrix[:-hyper.shape[1]]

    def canvas(self, height, width):
        return _Canvas(height, width, len(self.active))

    def elements(self, positions):
        """Numbers of the elements at these positions in the flattened latent."""
        count = len(self.active)
        return (positions[:, None] * count + np.arange(count)).reshape(-1)

    def mixture(self, canvas, positions):
        """Distributions of all channels at these positions."""
        model = self.model
        context = canvas.contexts(positions) @ self.context + model.context.bias
        context = model.context.finish(context)
        sums = self.hyper_sums[positions] + context @ self.context_matrix
        x = self.last(self.hidden(model.parameters[0].finish(sums)))
        kinds = x.shape[1] // len(self.active)
        x = x.reshape(len(positions), kinds, -1).swapaxes(0, 1).reshape(kinds, -1)
        return IntegerMixture.from_parameters(model.kind, x, model.tables)
