"""Weights of the public PyTorch code of ICWEM, in its names and layouts, for our layers.

github.com/J-S-Liao/ICWEM at commit 5bbeba5, with CompressAI 1.2.8. A state is a function from a
name to an array (OIHW kernels); each function below sets a built layer from the names under a
prefix.
"""

import numpy as np

from alic_tf.layers.conv_transformer import ConvTransformerBlock
from alic_tf.layers.convolution import SignalConvolution, SubpixelConvolution
from alic_tf.layers.resampling import ResidualDownsampling, ResidualUpsampling


def below(arrays, prefix):
    """The state of the arrays whose names begin with a prefix."""
    return lambda name: arrays[prefix + name]


def convolution(layer, state, name):
    kernel = state(f"{name}.weight")
    kernel = kernel.reshape(*kernel.shape[:2], *kernel.shape[2:] or (1, 1))
    layer.kernel.assign(np.transpose(kernel, (2, 3, 1, 0)))
    layer.bias.assign(state(f"{name}.bias"))


def subpixel(layer, state, name):
    """PyTorch's pixels of a channel are neighbours; ours are apart by the channels."""
    kernel, bias = state(f"{name}.weight"), state(f"{name}.bias")
    channels = len(bias) // 4
    order = np.arange(len(bias)).reshape(channels, -1).T.reshape(-1)
    layer.convolution.kernel.assign(np.transpose(kernel[order], (2, 3, 1, 0)))
    layer.convolution.bias.assign(bias[order])


def normalization(layer, state, name):
    layer.set_weights([state(f"{name}.weight"), state(f"{name}.bias")])


def gdn(layer, state, name):
    """Stored as square roots, as here; gamma is [out, in] there."""
    layer.beta.assign(state(f"{name}.beta"))
    layer.gamma.assign(state(f"{name}.gamma").T)


def residual_pair(layer, state, name):
    for i, part in enumerate(layer.convolutions, 1):
        convolution(part, state, f"{name}conv{i}")


def downsampling(layer, state, name):
    convolution(layer.shortcut, state, f"{name}skip")
    convolution(layer.trunk[0], state, f"{name}conv1")
    convolution(layer.trunk[1], state, f"{name}conv2")
    gdn(layer.trunk[2], state, f"{name}gdn")


def upsampling(layer, state, name):
    subpixel(layer.shortcut, state, f"{name}upsample.0")
    subpixel(layer.trunk[0], state, f"{name}subpel_conv.0")
    convolution(layer.trunk[1], state, f"{name}conv")
    gdn(layer.trunk[2], state, f"{name}igdn")


def window_attention(layer, state, name):
    convolution(layer.embedding, state, f"{name}embedding_layer")
    convolution(layer.projection, state, f"{name}linear")
    layer.positions.assign(state(f"{name}relative_position_params").reshape(layer.heads, -1))


def swin(layer, state, name):
    normalization(layer.attention[0], state, f"{name}ln1")
    window_attention(layer.attention[1], state, f"{name}msa.")
    normalization(layer.mlp[0], state, f"{name}ln2")
    convolution(layer.mlp[1], state, f"{name}mlp.0")
    convolution(layer.mlp[2], state, f"{name}mlp.2")


def conv_transformer(layer, state, name):
    convolution(layer.split, state, f"{name}conv1_1")
    residual_pair(layer.pair, state, f"{name}conv_block.")
    swin(layer.swin, state, f"{name}trans_block.")
    convolution(layer.fusion, state, f"{name}conv1_2")


def non_local(layer, state, name):
    *gate, last = layer.gate[-4:]
    for letter, blocks in (("a", layer.trunk), ("b", gate)):
        for i, block in enumerate(blocks):
            for j, part in zip((0, 2, 4), block.convolutions):
                convolution(part, state, f"{name}conv_{letter}.{i}.conv.{j}")
    convolution(last, state, f"{name}conv_b.3")


def swin_attention(layer, state, name):
    first, middle, last = layer.stages
    convolution(first, state, f"{name}in_conv")
    convolution(last, state, f"{name}out_conv")
    non_local(middle, state, name)
    for i, block in enumerate(middle.gate[:2], 1):
        swin(block, state, f"{name}non_local_block.block_{i}.")


def dense(layer, state, name):
    for i, part in enumerate(layer.convolutions, 1):
        convolution(part, state, f"{name}conv{i}")


def enhancement(layer, state, name):
    first, *middle, last = layer.stages
    dense(first, state, f"{name}layers.0.")
    dense(last, state, f"{name}layers.4.")
    for i, part in enumerate(middle, 1):
        convolution(part, state, f"{name}layers.{i}")


def coupling(layer, state, name):
    for letter in "gh":
        for i in "12":
            for j, part in enumerate(getattr(layer, letter + i), 1):
                convolution(part, state, f"{name}{letter.upper()}{i}.conv{j}")


def invertible(layer, state, name):
    for i, operation in enumerate(layer.operations):
        if hasattr(operation, "kernel"):
            operation.kernel.assign(state(f"{name}operations.{i}.weight").T)
        else:
            coupling(operation, state, f"{name}operations.{i}.")


def chain(layers, state, name):
    """Layers one after the other: resamplings, blocks, and convolutions, each by its class."""
    for i, layer in enumerate(layers):
        setter, ending = _SETTERS[type(layer)]
        setter(layer, state, f"{name}.{i}{ending}")


_SETTERS = {
    ResidualDownsampling: (downsampling, "."),
    ResidualUpsampling: (upsampling, "."),
    ConvTransformerBlock: (conv_transformer, "."),
    SignalConvolution: (convolution, ""),
    SubpixelConvolution: (subpixel, ".0"),
}
