"""ResNet, as keras.applications has it, at any width."""

import functools

import keras
import numpy as np
from keras import ops

from alic_tf import errors
from alic_tf.layers.batch_normalized import NormalizedConvolution
from alic_tf.layers.sequence import build_sequence
from alic_tf.topology import apply

# Of keras.applications, by the numbers of blocks in the stages.
PRETRAINED = {(3, 4, 6, 3): "ResNet50", (3, 4, 23, 3): "ResNet101", (3, 8, 36, 3): "ResNet152"}
PRETRAINED_WIDTH = 64
# Blue, green and red levels that the networks of keras.applications are given less.
_MEANS = np.array([103.939, 116.779, 123.68], "float32")


@keras.saving.register_keras_serializable(package="alic_tf")
class BottleneckBlock(keras.layers.Layer):
    """ReLU of the sum of x and 1x1, 3x3 and 1x1 convolutions of it.

    He et al., arXiv 1512.03385, with the strides in the first convolution, as they have it.

    Args:
        filters: of the first two convolutions; the output has four times as many.
        strides: of the block.
        projection: whether x goes through a 1x1 convolution; else it must have the output's shape.
    """

    def __init__(self, filters, strides=1, projection=False, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.strides, self.projection = filters, strides, projection

        def convolution(i, *arguments, **options):
            # Named as in keras.applications.
            return NormalizedConvolution(
                *arguments, name=f"{self.name}_{i}", dtype=self.dtype_policy, **options
            )

        self.shortcut = []
        if projection:
            self.shortcut = [convolution(0, 4 * filters, 1, strides, slope=1)]
        self.trunk = [
            convolution(1, filters, 1, strides),
            convolution(2, filters, 3),
            convolution(3, 4 * filters, 1, slope=1),
        ]

    def layers(self):
        """All its `NormalizedConvolution`."""
        return [*self.shortcut, *self.trunk]

    def build(self, input_shape):
        build_sequence(self.shortcut, input_shape)
        build_sequence(self.trunk, input_shape)

    def call(self, x):
        return ops.relu(apply(self.shortcut, x) + apply(self.trunk, x))

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(n and -(-n // self.strides) for n in sides), 4 * self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "strides": self.strides,
                "projection": self.projection}


@keras.saving.register_keras_serializable(package="alic_tf")
class ResNet(keras.layers.Layer):
    """The features of a ResNet, as those of keras.applications without their top.

    Args:
        blocks: number of bottleneck blocks in each of the four stages; (3, 4, 23, 3) is ResNet-101.
        width: channels of the first convolution.

    Maps pictures (batch, h, w, 3) in 0..1 to (batch, h / 32, w / 32, 32 * width), rounding up.

    Source: He et al., arXiv 1512.03385; preprocessing and weights of keras.applications.
    """

    def __init__(self, blocks=(3, 4, 23, 3), width=PRETRAINED_WIDTH, **kwargs):
        super().__init__(**kwargs)
        self.blocks, self.width = tuple(blocks), width
        options = {"dtype": self.dtype_policy}
        self.stem = NormalizedConvolution(width, 7, 2, name="conv1", **options)
        self.stages = []
        for stage, count in enumerate(self.blocks):
            for i in range(count):
                self.stages.append(BottleneckBlock(
                    width << stage, strides=2 if stage and not i else 1, projection=not i,
                    name=f"conv{stage + 2}_block{i + 1}", **options,
                ))

    def build(self, input_shape):
        self.stem.build(input_shape)
        build_sequence(self.stages, (*input_shape[:-1], self.width))

    def call(self, x):
        x = self.stem(255 * x[..., ::-1] - ops.cast(_MEANS, x.dtype))
        return apply(self.stages, _pooled(x))

    def load_pretrained(self, path):
        """Takes the weights of the network of keras.applications with as many blocks.

        Args:
            path: of a file that its `load_weights` reads (.h5, without the top).

        Raises:
            UsageError: there is no such network, or the file is not one of its weights.
        """
        if self.blocks not in PRETRAINED or self.width != PRETRAINED_WIDTH:
            raise errors.UsageError(f"there are pretrained weights for width {PRETRAINED_WIDTH} "
                                    f"and blocks {', '.join(map(str, PRETRAINED))} only")
        network = getattr(keras.applications, PRETRAINED[self.blocks])
        try:
            network = network(include_top=False, weights=path, input_shape=(None, None, 3))
        except (KeyError, OSError, ValueError) as error:
            cause = f"holds no weights of {PRETRAINED[self.blocks]} without its top"
            raise errors.UsageError(cause, path) from error
        for layer in (self.stem, *(layer for block in self.stages for layer in block.layers())):
            for part, name in ((layer.convolution, "conv"), (layer.normalization, "bn")):
                part.set_weights(network.get_layer(f"{layer.name}_{name}").get_weights())

    def get_config(self):
        return {**super().get_config(), "blocks": self.blocks, "width": self.width}


def _pooled(x):
    """Maxima of 3x3 samples in steps of 2, for x [b, h, w, c] not below zero.

    TensorFlow's own pooling overlooks what is no number, by which `Tiling` finds out how far a
    network sees.
    """
    height, width = (-(-side // 2) for side in ops.shape(x)[1:3])
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = [x[:, i : i + 2 * height - 1 : 2] for i in range(3)]
    x = functools.reduce(ops.maximum, rows)
    columns = [x[:, :, i : i + 2 * width - 1 : 2] for i in range(3)]
    return functools.reduce(ops.maximum, columns)
