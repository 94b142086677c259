"""A transform pair as the codec sees it: image to latent in quantization steps, and back."""

from typing import NamedTuple

import keras
from keras import ops


class Step(NamedTuple):
    """A part of a transform, for pictures that go through it in tiles.

    A transform is its steps one after the other, the output of one being the input of the next.
    Each is tiled by itself, so that what looks far around at little cost, such as an attention at
    a low resolution, does not widen what all others read.

    Fields:
        function: of float32 [b, h, w, channels] and the quality: knots [b, qualities] in a
            transform pair, numbers [b] in a `CompressionModel`. Returns a tensor.
        channels: of the input.
        from_stride, to_stride: pixels a sample of the input and of the output, each way.
        block: pixels by which a picture may be shifted, for the same output shifted; its sides
            are multiples of it.
        tile: largest side in pixels of what goes through it at once.
        share: of the time of all steps, about.
        reach: samples of the input around a tile on which its outputs depend, a multiple of the
            block; None where that is not known yet.
    """

    function: callable
    channels: int
    from_stride: int
    to_stride: int
    block: int
    tile: int
    share: float = 1.0
    reach: int | None = None


class TransformPair(keras.layers.Layer):
    """What all transform pairs have; they define `analyze` and `synthesize`, and may override.

    Attributes:
        stride: pixels a latent sample, each way.
        block: see `Step`; the stride unless it says otherwise.
        centred: whether pictures are padded with zeros on all sides; see `padding.pad`.
        variable_rate: whether the class takes the lambdas of several qualities.
        latents: number of latent channels.
        tile: see `Step`.
    """

    stride = 16
    centred = False
    variable_rate = False

    @property
    def block(self):
        return self.stride

    def unit(self, knots):
        """Usual size of the latent channels, not known here: float32 [1, 1, 1, M] of ones."""
        return ops.ones((1, 1, 1, self.latents), "float32")

    def analysis_steps(self):
        """The `Step`s from image to latent: by default one."""
        def analyze(image, knots):
            return self.analyze(image, knots)[0]

        return [Step(analyze, 3, 1, self.stride, self.block, self.tile)]

    def synthesis_steps(self):
        """The `Step`s from latent to image: by default one."""
        def synthesize(latent, knots):
            return self.synthesize(latent, knots)[0]

        return [Step(synthesize, self.latents, self.stride, 1, self.block, self.tile)]
