"""Reference numbers computed by the original programs, and where they go in our layers."""

import pathlib

import numpy as np

DATA = pathlib.Path(__file__).parent / "data"


def load(name):
    """The arrays of tests/data/<name>.npz as a dictionary."""
    with np.load(DATA / f"{name}.npz") as data:
        return {key: data[key] for key in data.files}


def relative_error(actual, expected):
    """Largest difference, relative to the largest expected magnitude."""
    actual, expected = np.asarray(actual, "float64"), np.asarray(expected, "float64")
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()


class Weights:
    """Hands the authors' effective weights, by their TensorFlow 1 scopes, to our layers."""

    def __init__(self, data, prefix="eff/"):
        self.arrays = {k[len(prefix) :]: v for k, v in data.items() if k.startswith(prefix)}
        self.unused = set(self.arrays)

    def take(self, name):
        self.unused.discard(name)
        return self.arrays[name]

    def convolution(self, layer, scope, leaf="signal_conv2d"):
        layer.kernel.assign(self.take(f"{scope}/{leaf}/kernel"))
        if layer.use_bias:
            layer.bias.assign(self.take(f"{scope}/{leaf}/bias"))

    def gdn(self, layer, scope):
        scope = f"{scope}/signal_conv2d/{'igdn' if layer.inverse else 'gdn'}"
        layer.set_effective(self.take(f"{scope}/beta"), self.take(f"{scope}/gamma"))

    def residual_block(self, block, scope):
        for i, layer in enumerate(block.convolutions):
            self.convolution(layer, f"{scope}/conv{i}")

    def msrb(self, block, scope):
        names = ("trunk_RB_3_3", "trunk_RB_5_5", "second_trunk_RB_3_3", "second_trunk_RB_5_5")
        for layer, name in zip(block.branches, names):
            self.residual_block(layer, f"{scope}/{name}")
        for i, (layer, norm) in enumerate(zip(block.exchanges, block.norms), start=1):
            self.convolution(layer, f"{scope}/input_{i}_conv_1x1")
            self.gdn(norm, f"{scope}/input_{i}_conv_1x1")
        self.convolution(block.fusion, f"{scope}/conv_1x1")

    def attention(self, block, scope):
        for i in range(3):
            self.residual_block(block.trunk[i], f"{scope}/trunk_RB_{i}")
            self.residual_block(block.gate[i], f"{scope}/attention_RB_{i}")
        self.convolution(block.gate[3], f"{scope}/conv_1x1")

    def importance(self, layer, scope):
        self.convolution(layer.stem[0], scope)
        self.gdn(layer.stem[1], scope)
        for i, block in enumerate(layer.blocks):
            self.residual_block(block, f"{scope}/residual_block" + (f"_{i}" if i else ""))

    def downsampling(self, block, scope):
        self.convolution(block.shortcut, f"{scope}_shortcut")
        self.convolution(block.trunk[0], f"{scope}_layer_2")
        self.convolution(block.trunk[1], f"{scope}_layer_3")
        self.gdn(block.trunk[2], f"{scope}_layer_3")

    def upsampling(self, block, scope):
        self.convolution(block.shortcut.convolution, f"{scope}_shortcut")
        self.convolution(block.trunk[0].convolution, f"{scope}_layer_2")
        self.convolution(block.trunk[1], f"{scope}_layer_3")
        self.gdn(block.trunk[2], f"{scope}_layer_3")

    def analysis(self, network, scope="analysis"):
        down0, msrb1, down1, attention0, msrb2, down2, msrb3 = network.trunk
        for i, layer in enumerate((down0, down1, down2)):
            self.downsampling(layer, f"{scope}/Block_{i}")
        for i, layer in enumerate((msrb1, msrb2, msrb3), start=1):
            self.msrb(layer, f"{scope}/multiply_residual_block{i}")
        for i, layer in enumerate((attention0, network.head[1])):
            self.attention(layer, f"{scope}/NLAB_{i}")
        self.convolution(network.head[0], f"{scope}/Block_3_layer_2")
        self.importance(network.importance, f"{scope}/Heatmap")

    def synthesis(self, network, scope="synthesis"):
        attention0, up0, up1, attention1, msrb, up2, last = network.trunk
        for i, layer in enumerate((up0, up1, up2)):
            self.upsampling(layer, f"{scope}/Block_{i}")
        for i, layer in enumerate((attention0, attention1)):
            self.attention(layer, f"{scope}/NLAB_{i}")
        self.msrb(msrb, f"{scope}/multiply_residual_block2")
        self.convolution(last.convolution, f"{scope}/Block_3_layer_2")

    def stack(self, network, scope):
        for i, layer in enumerate(network.layers_sequence):
            self.convolution(layer, f"{scope}/layer_{i}")

    def context(self, network, scope="entropy_parameter"):
        network.masked.kernel.assign(self.take(f"{scope}/masked/weights"))
        network.masked.bias.assign(self.take(f"{scope}/masked/biases"))
        for i, layer in enumerate(network.layers_sequence):
            leaf = f"signal_conv2d_{i}" if i else "signal_conv2d"
            self.convolution(layer, f"{scope}/layer_{i}", leaf)
