"""Layers in fixed point that are made of others, and how any layer becomes one.

All take and return integer-valued float64 (batch, height, width, channels) with 12 fraction bits,
saturated, and give the same numbers on every machine: sums are of integers, below 2^53, and what
is done element by element are operations that IEEE 754 defines to the last bit.
"""

import keras
import numpy as np

from alic_tf.entropy.exact import flatten
from alic_tf.entropy.fixed_attention import FixedPointWindowAttention
from alic_tf.entropy.fixed_normalization import FixedPointGDN, FixedPointLayerNorm
from alic_tf.entropy.fixed_point import FixedPointConvolution, rescaled, saturate
from alic_tf.entropy.functions import sigmoid
from alic_tf.layers.conv_transformer import (
    ConvTransformerBlock,
    SwinAttention,
    WindowedNonLocalAttention,
)
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.normalization import GDN
from alic_tf.layers.resampling import ResidualUpsampling
from alic_tf.layers.residual import ResidualBlock, ResidualPair
from alic_tf.layers.sequence import apply_sequence
from alic_tf.layers.swin import SwinBlock, WindowAttention


def converted(layer):
    """The fixed-point counterpart of a built layer, or of a list of layers to apply in order."""
    if isinstance(layer, list):
        return FixedPointSequence(**{str(i): converted(part) for i, part in enumerate(layer)})
    return COUNTERPARTS[type(layer)].from_layer(layer)


class Composite:
    """A fixed-point layer made of others.

    Args:
        **parts: fixed-point layers by name.
    """

    # Names of the attributes of the layer that become the parts.
    NAMES = ()

    def __init__(self, **parts):
        self.parts = parts

    @classmethod
    def from_layer(cls, layer):
        """Converts a built layer of the class that this one stands for."""
        return cls(**{name: converted(getattr(layer, name)) for name in cls.NAMES})

    def arrays(self):
        """The integers of all parts, "name/kind/...", to be stored in a model file."""
        kinds = {part: kind for kind, part in KINDS.items()}
        return flatten({f"{name}/{kinds[type(part)]}": part for name, part in self.parts.items()})

    @classmethod
    def from_arrays(cls, tree):
        """Inverse of `arrays`, from what `unflatten` makes of them."""
        return cls(**{name: KINDS[kind].from_arrays(arrays)
                      for name, kinds in tree.items() for kind, arrays in kinds.items()})


class FixedPointSequence(Composite):
    """Layers to apply in order; their names are numbers."""

    @property
    def layers(self):
        return [self.parts[name] for name in sorted(self.parts, key=int)]

    def __call__(self, x):
        return apply_sequence(self.layers, x)


class FixedPointSubpixel(Composite):
    """`SubpixelConvolution` that doubles the resolution."""

    NAMES = ("convolution",)

    def __call__(self, x):
        x = self.parts["convolution"](x)
        batch, height, width, channels = x.shape
        x = x.reshape(batch, height, width, 2, 2, channels // 4).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, 2 * height, 2 * width, channels // 4)


class FixedPointUpsampling(Composite):
    NAMES = ("trunk", "shortcut")

    def __call__(self, x):
        return saturate(self.parts["shortcut"](x) + self.parts["trunk"](x))


class FixedPointResidualPair(Composite):
    NAMES = ("convolutions",)

    def __call__(self, x):
        return saturate(x + self.parts["convolutions"](x))


class FixedPointResidualBlock(Composite):
    """`ResidualBlock` with a ReLU of the sum."""

    NAMES = ("convolutions",)

    def __call__(self, x):
        return np.maximum(saturate(x + self.parts["convolutions"](x)), 0.0)


class FixedPointSwinBlock(Composite):
    NAMES = ("attention", "mlp")

    def __call__(self, x):
        x = saturate(x + self.parts["attention"](x))
        return saturate(x + self.parts["mlp"](x))


class FixedPointConvTransformer(Composite):
    NAMES = ("split", "pair", "swin", "fusion")

    def __call__(self, x):
        near, far = np.split(self.parts["split"](x), 2, axis=-1)
        near = saturate(near + self.parts["pair"](near))
        both = np.concatenate([near, self.parts["swin"](far)], axis=-1)
        return saturate(x + self.parts["fusion"](both))


class FixedPointNonLocal(Composite):
    NAMES = ("trunk", "gate")

    def __call__(self, x):
        gate = sigmoid(self.parts["gate"](x))
        return saturate(x + rescaled(self.parts["trunk"](x) * gate))


class FixedPointSwinAttention(Composite):
    NAMES = ("stages",)

    def __call__(self, x):
        return self.parts["stages"](x)


# By the name a fixed-point layer has in model files.
KINDS = {
    "convolution": FixedPointConvolution,
    "sequence": FixedPointSequence,
    "subpixel": FixedPointSubpixel,
    "gdn": FixedPointGDN,
    "layer_norm": FixedPointLayerNorm,
    "window_attention": FixedPointWindowAttention,
    "upsampling": FixedPointUpsampling,
    "residual_pair": FixedPointResidualPair,
    "residual_block": FixedPointResidualBlock,
    "swin": FixedPointSwinBlock,
    "conv_transformer": FixedPointConvTransformer,
    "non_local": FixedPointNonLocal,
    "swin_attention": FixedPointSwinAttention,
}
# By the class of the layer it stands for.
COUNTERPARTS = {
    SignalConvolution: FixedPointConvolution,
    SubpixelConvolution: FixedPointSubpixel,
    GDN: FixedPointGDN,
    keras.layers.LayerNormalization: FixedPointLayerNorm,
    WindowAttention: FixedPointWindowAttention,
    ResidualUpsampling: FixedPointUpsampling,
    ResidualPair: FixedPointResidualPair,
    ResidualBlock: FixedPointResidualBlock,
    SwinBlock: FixedPointSwinBlock,
    ConvTransformerBlock: FixedPointConvTransformer,
    WindowedNonLocalAttention: FixedPointNonLocal,
    SwinAttention: FixedPointSwinAttention,
}
