"""A transform pair as the codec sees it: image to latent in quantization steps, and back."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from alic_tf.layers.filter import make_filter
from alic_tf.layers.quality import log_gains
from alic_tf.layers.wavelet_attention import WaveletAttention


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
    """What all transform pairs have; they define `to_latent` and `to_image`, and may override.

    With several lambdas, one network serves all rates: the latent is multiplied by a gain for each
    quality and channel, and what is decoded by another (Cui et al. 2021, arXiv 2003.02012).

    Attributes:
        stride: pixels a latent sample, each way.
        block: see `Step`; the stride unless it says otherwise.
        centred: whether pictures are padded with zeros on all sides; see `padding.pad`.
        variable_rate: whether the class takes the lambdas of several qualities.
        wavelets: whether the latent goes through wavelets, in the encoder or in the decoder.
        latents: number of latent channels.
        tile: see `Step`.
    """

    stride = 16
    centred = False
    variable_rate = True
    wavelets = False
    importance = filter = log_gain = None

    def surround(self, importance, pqf, lambdas):
        """Makes what stands between the networks and the quantizer. Needs `latents`.

        Args:
            importance: "none", or "dwan": `WaveletAttention` scales the latent.
            pqf: filter of what is decoded, see `make_filter`.
            lambdas: of each whole quality; a single one needs no gains.

        Raises:
            ValueError: importance or pqf has another value.
        """
        if importance not in ("none", "dwan"):
            raise ValueError(f"importance must be one of ('none', 'dwan'), not {importance!r}")
        if importance == "dwan":
            self.importance = WaveletAttention(dtype=self.dtype_policy, name="importance")
        self.filter = make_filter(pqf, self.dtype_policy)
        for layer in filter(None, (self.importance, self.filter)):
            layer.build((None, None, None, self.latents))
        self.wavelets = importance == "dwan" or pqf == "wavelet"
        self.set_rates(lambdas)

    def set_rates(self, lambdas):
        """Makes the gains alone; see `surround`."""
        self.lambdas = tuple(lambdas)
        if len(self.lambdas) > 1:
            middle = np.exp(np.mean(np.log(self.lambdas)))
            self.log_gain, self.log_inverse_gain = log_gains(self.lambdas, self.latents, middle)
            for vector in (self.log_gain, self.log_inverse_gain):
                vector.build()

    @property
    def block(self):
        """The stride, or two where wavelets look at pairs of latents."""
        return 2 * self.stride if self.wavelets else self.stride

    def to_latent(self, image):
        """Image [b, h, w, 3] in 0..1 to the latent, float32 [b, h / stride, w / stride, M]."""
        raise NotImplementedError

    def weighed(self, latent):
        """The latent scaled by its importance, if it has one."""
        if self.importance is None:
            return latent
        return ops.cast(self.importance(latent)[0], "float32")

    def refined(self, latent):
        """What the decoder's filter, if there is one, makes of a latent in quantization steps."""
        return latent if self.filter is None else ops.cast(self.filter(latent), "float32")

    def to_image(self, latent):
        """Filtered latent to the image, float32 [b, h, w, 3], unclipped."""
        raise NotImplementedError

    def analyze(self, image, knots):
        """Image to (latent in quantization steps, unit)."""
        return self._scaled(self.weighed(self.to_latent(image)), knots), self.unit(knots)

    def synthesize(self, latent, knots):
        """Latent in quantization steps to (image, the latent after its filter, in steps)."""
        refined = self.refined(latent)
        return self.to_image(self._unscaled(refined, knots)), refined

    def unit(self, knots):
        """Usual size of the latent channels in steps, float32 [b or 1, 1, 1, M].

        That of the networks' latents is not known here, and counts as 1.
        """
        if self.log_gain is None:
            return ops.ones((1, 1, 1, self.latents), "float32")
        return ops.exp(self.log_gain(knots))

    def _scaled(self, latent, knots):
        return latent if self.log_gain is None else latent * ops.exp(self.log_gain(knots))

    def _unscaled(self, latent, knots):
        if self.log_gain is None:
            return latent
        return latent * ops.exp(self.log_inverse_gain(knots))

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

    def _wavelet_step(self, function):
        """A short step from latent to latent, whose wavelets begin at the even positions."""
        block = 2 * self.stride
        return Step(function, self.latents, self.stride, self.stride, block, self.tile, 0.1)
