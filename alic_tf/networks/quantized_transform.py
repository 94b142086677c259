"""Transform pair of the quantized autoencoder: a ResNet, and transposed convolutions."""

import keras
from keras import ops

from alic_tf.layers.batch_normalized import NormalizedConvolution, ResidualDoubling
from alic_tf.layers.convolution import SignalConvolution
from alic_tf.layers.resnet import ResNet
from alic_tf.layers.sequence import build_sequence
from alic_tf.networks.transform_pair import TransformPair
from alic_tf.topology import apply

# Of what the fixed-point latent of the codec holds, 4095.
MOST_BITS = 11
SLOPE = 0.05


@keras.saving.register_keras_serializable(package="alic_tf")
class QuantizedTransform(TransformPair):
    """A ResNet with average pooling, limited to 0..1, and a residual decoder, for one rate.

        image -> ResNet - mean of 2x2 - limit to 0..1 - * 2^bits -> latent, at 1/64
        latent -> / 2^bits - 2x nearest - 3 times (doubling block, block) - 2 blocks -
                  3x3 up - 3x3 up - sigmoid -> image

    The blocks are `ResidualDoubling`; the widths of the decoder are 4, 2 and 1 times that of the
    ResNet's first layer.

    Args:
        bits: the latent is quantized to steps of 2^-bits, 1 to 11.
        blocks, width: see `ResNet`; the latent has 32 * width channels.

    Raises:
        ValueError: bits are out of these bounds.

    Source: "Quantized Auto-Encoder-Based Image Compression" (S. Moi, M. Kumar, N. Singha,
    R. K. Tiwari), description and code.
    """

    stride = 64
    variable_rate = False
    # Most of it is at a quarter of the resolution and below.
    tile = 2048

    def __init__(self, bits=8, blocks=(3, 4, 23, 3), width=64, **kwargs):
        super().__init__(**kwargs)
        if bits not in range(1, MOST_BITS + 1):
            raise ValueError(f"bits must be from 1 to {MOST_BITS}, not {bits!r}")
        self.bits, self.latents = bits, 32 * width
        options = {"dtype": self.dtype_policy}
        self.encoder = ResNet(blocks, width, name="encoder", **options)
        self.decoder = [keras.layers.UpSampling2D(2, **options)]
        for filters, first in ((4 * width, 2), (2 * width, 2), (width, 2), (width, 1)):
            for upsample in (first, 1):
                self.decoder.append(ResidualDoubling(filters, upsample, SLOPE, **options))
        self.decoder.append(NormalizedConvolution(width, 3, upsample=2, slope=SLOPE, **options))
        self.decoder.append(SignalConvolution(3, 3, upsample=2, **options))

    def build(self, input_shape=None):
        self.encoder.build((None, None, None, 3))
        build_sequence(self.decoder, (None, None, None, self.latents))
        self.built = True

    def to_latent(self, image):
        features = ops.cast(self.encoder(ops.cast(image, self.compute_dtype)), "float32")
        # Of what is above one, and not below zero for the ReLU before.
        limited = 1 - ops.relu(1 - ops.average_pool(features, 2, 2))
        return limited * 2**self.bits

    def to_image(self, latent):
        x = ops.cast(latent / 2**self.bits, self.compute_dtype)
        return ops.sigmoid(ops.cast(apply(self.decoder, x), "float32"))

    def load_pretrained(self, path):
        """Takes the weights of a ResNet of keras.applications; see `ResNet.load_pretrained`."""
        self.encoder.load_pretrained(path)

    def get_config(self):
        return {**super().get_config(), "bits": self.bits, "blocks": self.encoder.blocks,
                "width": self.encoder.width}
