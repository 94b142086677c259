"""Where the variables of the authors' TensorFlow 1 graph go in our layers."""

import re
from collections import defaultdict

import numpy as np

# Scopes that TensorFlow 1 and Keras number by themselves, in the order of a graph's construction.
_KINDS = "signal_conv2d|residual_block|entropy_bottleneck"
_LEAVES = ("kernel", "bias", "beta", "gamma", "weights", "biases", "medians")


def renumber(names, kinds=_KINDS):
    """Names of variables with automatic numbers counted anew within each scope.

    The numbers count all such layers of a graph, so that they depend on what else was built.

    Args:
        names: iterable of names, scopes separated by "/".
        kinds: regular expression of the numbered scopes, without the numbers.

    Returns:
        dictionary from each name to the new one: the first scope of a kind has no number, the
        next ones have _1, _2, ...
    """
    numbered = re.compile(rf"({kinds})(?:_(\d+))?")
    numbers = defaultdict(set)
    split = {name: name.split("/") for name in names}
    for parts in split.values():
        for i, part in enumerate(parts):
            if found := numbered.fullmatch(part):
                numbers[*parts[:i], found[1]].add(int(found[2] or 0))

    def rename(parts):
        for i, part in enumerate(parts):
            if found := numbered.fullmatch(part):
                order = sorted(numbers[*parts[:i], found[1]]).index(int(found[2] or 0))
                part = f"{found[1]}_{order}" if order else found[1]
            yield part

    return {name: "/".join(rename(parts)) for name, parts in split.items()}


class Weights:
    """Hands the authors' effective weights, by their TensorFlow 1 scopes, to our layers.

    Args:
        arrays: dictionary from a variable's name to its effective value: "kernel" (HWIO, or
            [h, w, i * o]), "bias", "beta" and "gamma" of normalizations, "weights" and "biases" of
            the masked convolution, "medians" and the variables of the entropy bottleneck.

    Attributes:
        missing: names that were asked for but are not there.
        misshapen: names whose array does not fit, with both shapes.
        unused: names of weights that no layer has asked for.
    """

    def __init__(self, arrays):
        new_names = renumber(arrays)
        self.arrays = {new_names[name]: array for name, array in arrays.items()}
        self.missing, self.misshapen = [], []
        self.unused = {name for name in self.arrays if name.rpartition("/")[2] in _LEAVES}

    def take(self, name, shape):
        """The array of this name in this shape; zeros, and a note, if there is none."""
        self.unused.discard(name)
        array = self.arrays.get(name)
        if array is None:
            self.missing.append(name)
            return np.zeros(shape)
        if array.size != np.prod(shape) or array.shape[:2] != tuple(shape[:2]):
            self.misshapen.append(f"{name} {array.shape} instead of {tuple(shape)}")
            return np.zeros(shape)
        return array.reshape(shape)

    def _assign(self, variable, name):
        variable.assign(self.take(name, variable.shape))

    def model(self, model):
        """Fills an `CompressionModel` model: preset fu2022 or fu2022-gllmm without filter."""
        self.analysis(model.transform.analysis)
        self.synthesis(model.transform.synthesis)
        self.stack(model.entropy.hyper_analysis, "hyper_analysis")
        self.stack(model.entropy.hyper_synthesis, "hyper_synthesis")
        self.context(model.entropy.context)
        self.prior(model.entropy.prior)

    def convolution(self, layer, scope):
        self._assign(layer.kernel, f"{scope}/signal_conv2d/kernel")
        if layer.use_bias:
            self._assign(layer.bias, f"{scope}/signal_conv2d/bias")

    def gdn(self, layer, scope):
        scope = f"{scope}/signal_conv2d/{'igdn' if layer.inverse else 'gdn'}"
        layer.set_effective(self.take(f"{scope}/beta", layer.beta.shape),
                            self.take(f"{scope}/gamma", layer.gamma.shape))

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
        self._assign(network.masked.kernel, f"{scope}/masked/weights")
        self._assign(network.masked.bias, f"{scope}/masked/biases")
        self.stack(network, scope)

    def prior(self, prior, scope="entropy_bottleneck"):
        parts = {"matrix": prior.matrices, "bias": prior.biases, "factor": prior.factors}
        for name, variables in parts.items():
            for i, variable in enumerate(variables):
                self._assign(variable, f"{scope}/{name}_{i}")
        self._assign(prior.medians, f"{scope}/medians")
