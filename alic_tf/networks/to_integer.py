"""The bridge from trained networks to integers: what a model file holds of an entropy model.

A family says in `integer_parts` which layers and which numbers stand under which name. Every layer
has an integer counterpart: a leaf by a rule of `LEAVES`, a block by its parts, for a block has the
same topology in floats and in integers (`alic_tf.topology`).
"""

from typing import NamedTuple

import keras
import numpy as np

from alic_tf.integer.attention import FixedPointWindowAttention
from alic_tf.integer.fixed_point import (
    ACTIVATIONS,
    FRACTION_BITS,
    ONE,
    FixedPointConvolution,
)
from alic_tf.integer.layers import BLOCKS, SEQUENCE, Block, flatten
from alic_tf.integer.normalization import (
    SCALE_BITS,
    SQUARE_BITS,
    FixedPointGDN,
    FixedPointLayerNorm,
)
from alic_tf.integer.parallel import QualityTables
from alic_tf.integer.prior import FactorizedTables
from alic_tf.integer.scan import FixedPointScan
from alic_tf.integer.stored import Declared, Fixed
from alic_tf.integer.tables import IntegerTables
from alic_tf.layers.conv_transformer import (
    ConvTransformerBlock,
    SwinAttention,
    WindowedNonLocalAttention,
)
from alic_tf.layers.convolution import (
    MaskedConvolution,
    SignalConvolution,
    SubpixelConvolution,
)
from alic_tf.layers.normalization import GDN
from alic_tf.layers.resampling import ResidualUpsampling
from alic_tf.layers.residual import ResidualBlock, ResidualPair
from alic_tf.layers.state_space import StateSpace
from alic_tf.layers.swin import SwinBlock, WindowAttention
from alic_tf.networks.entropy.distributions import SMALLEST_SCALE
from alic_tf.networks.entropy.level_prior import LevelPrior
from alic_tf.networks.entropy.parallel import QualityVectors
from alic_tf.networks.entropy.priors import DeepFactorized


def exact_model(model):
    """The integer entropy model of a built `CompressionModel`, an `ExactEntropyModel`."""
    parts, arrays = {}, {}
    for path, part in _parts(model):
        if isinstance(part, (int, Fixed)):
            arrays[path] = np.asarray(getattr(part, "value", part), "int32")
        else:
            parts[path] = converted(part)
    arrays |= flatten(parts)
    return model.entropy.integer.from_arrays(arrays)


def declared(model):
    """What a file must hold of the integer entropy model of a built `CompressionModel`.

    Returns:
        {name: `Declared`} of all arrays, whatever the weights.
    """
    found = {}
    for path, part in _parts(model):
        if isinstance(part, (int, Fixed)):
            value = getattr(part, "value", None)
            found[path] = Declared(np.shape(getattr(part, "value", part)), "int32", value)
        else:
            # As `named_arrays` has it.
            path = f"{path}/{block_kind(part)}" if _is_block(part) else path
            found |= {f"{path}/{name}": array for name, array in form(part).items()}
    return found


def restored(model, expected, arrays):
    """The integer entropy model of a `CompressionModel`, from the arrays in its file.

    Args:
        model: the `CompressionModel`, of any weights.
        expected: what is `declared` of it.
        arrays: {name: array}, as many.

    Raises:
        ValueError: they are not those of such a model.
    """
    for name, array in arrays.items():
        if not expected[name].allows(array):
            raise ValueError(f"{name} does not follow from the layers")
    return model.entropy.integer.from_arrays(arrays)


def converted(layer):
    """The integer counterpart of a built layer, or of a list or dictionary of layers.

    Raises:
        ValueError: it has a switch that its counterpart has not.
    """
    if isinstance(layer, list):
        return [converted(part) for part in layer]
    if isinstance(layer, dict):
        return {name: converted(part) for name, part in layer.items()}
    if isinstance(layer, IntegerTables):
        return layer
    if type(layer) in LEAVES:
        return LEAVES[type(layer)].integers(layer)
    kind = block_kind(layer)
    return Block(kind, **{name: converted(getattr(layer, name)) for name in BLOCKS[kind][1]})


def form(layer):
    """{name: `Declared`} of the arrays of what `converted` returns, whatever the weights."""
    if isinstance(layer, list):
        return _form_of_parts(dict(enumerate(layer)))
    if isinstance(layer, dict):
        return _form_of_parts(layer)
    if isinstance(layer, IntegerTables):
        # Mathematical libraries differ in the last unit.
        return {name: Declared(array.shape, array.dtype, array, slack=1)
                for name, array in layer.arrays().items()}
    if type(layer) in LEAVES:
        return LEAVES[type(layer)].form(layer)
    names = BLOCKS[block_kind(layer)][1]
    return _form_of_parts({name: getattr(layer, name) for name in names})


def _form_of_parts(parts):
    def kind(part):
        if isinstance(part, list):
            return SEQUENCE
        return LEAVES[type(part)].kind if type(part) in LEAVES else block_kind(part)

    return {f"{name}/{kind(part)}/{path}": array for name, part in parts.items()
            for path, array in form(part).items()}


def _is_block(layer):
    return not isinstance(layer, (list, dict, IntegerTables)) and type(layer) not in LEAVES


def _parts(model):
    return model.entropy.integer_parts(model.transform.unit).items()


class Leaf(NamedTuple):
    """How a layer that has weights becomes integers.

    Fields:
        kind: its name in model files, see `alic_tf.integer.layers`; None for what occurs under
            names of its own only.
        integers: function of the built layer, returns its integer counterpart.
        form: function of the built layer, returns {name: `Declared`} of the arrays of that.
    """

    kind: str | None
    integers: callable
    form: callable


def _fixed(**numbers):
    return {name: Declared((), "int32", int(number)) for name, number in numbers.items()}


def _convolution(layer):
    kernel = np.asarray(layer.correlation_kernel())
    # The kernel comes as it multiplies; `flip` then only has to mirror the padding, which mirroring
    # it once more in the constructor does.
    kernel = kernel[::-1, ::-1] if layer.flip else kernel
    bias = None if layer.bias is None else np.asarray(layer.bias)
    return FixedPointConvolution.from_float(
        kernel, bias, strides=layer.strides, upsample=layer.upsample, flip=layer.flip,
        activation=layer.activation)


def _convolution_form(layer):
    return _kernel_form(layer.kernel.shape, layer.strides, layer.upsample, layer.flip,
                        layer.activation)


def _kernel_form(shape, strides=1, upsample=1, flip=False, activation=None):
    return {"kernel": Declared(tuple(shape), "int16"), "bias": Declared((shape[-1],), "int64"),
            "exponent": Declared((), "int32"),
            **_fixed(strides=strides, upsample=upsample, flip=flip,
                     activation=ACTIVATIONS.index(activation))}


def _gdn(layer):
    if (layer.alpha, layer.epsilon, layer.rectify) != (2, 0.5, False):
        raise ValueError("only the GDN with alpha 2 and epsilon 1/2 has an integer counterpart")
    beta, gamma = (np.asarray(value, "float64") for value in layer.effective())
    gamma = gamma[None, None] * 2.0 ** (FRACTION_BITS - SQUARE_BITS)
    return FixedPointGDN(FixedPointConvolution.from_float(gamma, beta), layer.inverse)


def _gdn_form(layer):
    return {**_kernel_form((1, 1, *layer.gamma.shape)), **_fixed(inverse=layer.inverse)}


def _layer_norm(layer):
    if layer.epsilon != 1e-5:
        raise ValueError("only the LayerNormalization with epsilon 1e-5 has an integer counterpart")
    scale, shift = (np.asarray(value, "float64") for value in (layer.gamma, layer.beta))
    return FixedPointLayerNorm(np.rint(scale * 2.0**SCALE_BITS), np.rint(shift * ONE))


def _layer_norm_form(layer):
    return dict.fromkeys(("scale", "shift"), Declared(tuple(layer.gamma.shape), "int32"))


def _window_attention(layer):
    positions = np.rint(np.asarray(layer.positions, "float64") * ONE)
    return FixedPointWindowAttention(_convolution(layer.embedding), _convolution(layer.projection),
                                     positions, layer.window, layer.shifted)


def _window_attention_form(layer):
    parts = {f"{name}/{path}": array for name in ("embedding", "projection")
             for path, array in _convolution_form(getattr(layer, name)).items()}
    return {**parts, "positions": Declared(tuple(layer.positions.shape), "int32"),
            **_fixed(window=layer.window, shifted=layer.shifted)}


def _scan(layer):
    return FixedPointScan.from_float(*map(np.asarray, layer.taps()))


def _scan_form(layer):
    taps = Declared((layer.log_rates.shape[1], 2 * layer.reach + 1), "int16")
    return {"rows": taps, "columns": taps, "exponent": Declared((), "int32")}


def _prior(layer):
    return FactorizedTables.from_cumulative(layer.cumulative, np.asarray(layer.medians))


def _prior_form(layer):
    # How long the rows are depends on the distributions.
    each = Declared((layer.channels,), "int32")
    return {"rows": Declared((None,), "int32"), "offsets": each, "medians": each}


def _qualities(vectors):
    return QualityTables.from_float(*vectors.evaluated(), SMALLEST_SCALE)


def _qualities_form(vectors):
    steps, channels, hyper_latents, hyper_filters = vectors.sizes()
    widths = {**dict.fromkeys(("units", "reciprocals", "log2_units"), channels),
              "hyper_gains": hyper_latents, "hyper_biases": hyper_filters}
    return {**{name: Declared((steps, width), "int32") for name, width in widths.items()},
            "smallest_scale": Declared((), "int32")}


_CONVOLUTION = Leaf("convolution", _convolution, _convolution_form)
_PRIOR = Leaf(None, _prior, _prior_form)
LEAVES = {
    SignalConvolution: _CONVOLUTION,
    MaskedConvolution: _CONVOLUTION,
    GDN: Leaf("gdn", _gdn, _gdn_form),
    keras.layers.LayerNormalization: Leaf("layer_norm", _layer_norm, _layer_norm_form),
    WindowAttention: Leaf("window_attention", _window_attention, _window_attention_form),
    StateSpace: Leaf(None, _scan, _scan_form),
    DeepFactorized: _PRIOR,
    LevelPrior: _PRIOR,
    QualityVectors: Leaf(None, _qualities, _qualities_form),
}
# Kinds of `alic_tf.integer.layers.BLOCKS`.
_KINDS = {
    SubpixelConvolution: "subpixel",
    ResidualUpsampling: "upsampling",
    ResidualPair: "residual_pair",
    SwinBlock: "swin",
    ConvTransformerBlock: "conv_transformer",
    WindowedNonLocalAttention: "non_local",
    SwinAttention: "swin_attention",
}


def block_kind(layer):
    """The name in model files of the kind of a block.

    Raises:
        KeyError: it has no counterpart.
    """
    if isinstance(layer, ResidualBlock):
        return "residual_block" if layer.activation else "residual_pair"
    return _KINDS[type(layer)]
