"""Integer layers that are made of others, and the names of all of them in model files.

All take and return integer-valued float64 (batch, height, width, channels) with 12 fraction bits,
saturated, and give the same numbers on every machine: sums are of integers, below 2^53, and what
is done element by element are operations that IEEE 754 defines to the last bit.
"""

from alic_tf import topology
from alic_tf.integer import arithmetic
from alic_tf.integer.attention import FixedPointWindowAttention
from alic_tf.integer.fixed_point import FixedPointConvolution
from alic_tf.integer.normalization import FixedPointGDN, FixedPointLayerNorm
from alic_tf.integer.scan import FixedPointScan

# By the name of the kind of layer in model files: those that hold integers,
LEAVES = {
    "convolution": FixedPointConvolution,
    "gdn": FixedPointGDN,
    "layer_norm": FixedPointLayerNorm,
    "window_attention": FixedPointWindowAttention,
    "scan": FixedPointScan,
}
# and those that have parts: their topology, and the names of the parts.
BLOCKS = {
    "subpixel": (topology.subpixel, ("convolution",)),
    "upsampling": (topology.shortcut, ("trunk", "shortcut")),
    "residual_pair": (topology.residual, ("convolutions",)),
    "residual_block": (topology.rectified_residual, ("convolutions",)),
    "swin": (topology.swin, ("attention", "mlp")),
    "conv_transformer": (topology.conv_transformer, ("split", "pair", "swin", "fusion")),
    "non_local": (topology.non_local, ("trunk", "gate")),
    "swin_attention": (topology.stages, ("stages",)),
}
# Layers to apply in order, a list.
SEQUENCE = "sequence"


class Block:
    """A layer made of others, which are its attributes.

    Args:
        kind: of `BLOCKS`.
        **parts: layers, or lists of layers.

    Raises:
        ValueError: the parts are not those of the kind.
    """

    def __init__(self, kind, **parts):
        self.kind = kind
        self.topology, self.names = BLOCKS[kind]
        if parts.keys() != {*self.names}:
            raise ValueError(f"{kind} has the parts {self.names}, not {tuple(parts)}")
        vars(self).update(parts)

    def __call__(self, x):
        return self.topology(self, x, arithmetic)

    def arrays(self):
        """The integers of all parts, "name/kind/..."."""
        return arrays_of({name: getattr(self, name) for name in self.names})


def kind_of(layer):
    """The name in model files of a layer's kind."""
    if isinstance(layer, list):
        return SEQUENCE
    if isinstance(layer, Block):
        return layer.kind
    return next(kind for kind, leaf in LEAVES.items() if isinstance(layer, leaf))


def arrays_of(layer):
    """The integers of a layer by name; "name/kind/..." of a dictionary or list of layers."""
    if isinstance(layer, list):
        layer = dict(enumerate(layer))
    if not isinstance(layer, dict):
        return layer.arrays()
    return {f"{name}/{kind_of(part)}/{path}": array for name, part in layer.items()
            for path, array in arrays_of(part).items()}


def restored(kind, tree):
    """The layer of a kind, from what `unflatten` makes of its `arrays_of`.

    Raises:
        KeyError, TypeError, ValueError: these are not the arrays of such a layer.
    """
    if kind in LEAVES:
        return LEAVES[kind].from_arrays(tree)
    parts = restored_parts(tree)
    if kind == SEQUENCE:
        return [parts[str(i)] for i in range(len(parts))]
    return Block(kind, **parts)


def restored_parts(tree):
    """Inverse of `arrays_of` of a dictionary."""
    return {name: restored(kind, arrays)
            for name, kinds in tree.items() for kind, arrays in kinds.items()}


def named_arrays(layer):
    """As `arrays_of`, of a part that stands under a name; a block's kind goes before."""
    arrays = arrays_of(layer)
    if not isinstance(layer, Block):
        return arrays
    return {f"{layer.kind}/{path}": array for path, array in arrays.items()}


def flatten(parts):
    """Arrays of all parts in one dictionary, "part/name"."""
    return {f"{part}/{path}": array for part, layer in parts.items()
            for path, array in named_arrays(layer).items()}


def recognized(tree):
    """Inverse of `named_arrays`, from what `unflatten` makes of them.

    Convolutions, scans and lists are known by their names.
    """
    for name, kind in (("kernel", "convolution"), ("rows", "scan"), ("0", SEQUENCE)):
        if name in tree:
            return restored(kind, tree)
    (kind, arrays), = tree.items()
    return restored(kind, arrays)


def inputs_of(layer):
    """Number of channels of what a convolution takes, or a list that begins with one."""
    return inputs_of(layer[0]) if isinstance(layer, list) else layer.kernel.shape[2]
