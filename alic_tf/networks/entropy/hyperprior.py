"""Hyper transforms: side information about the latent, 4 times smaller each way."""

import keras

from alic_tf.networks.stack import ConvolutionStack


def _layer(filters, **options):
    return {"filters": filters, "kernel_size": 3, **options}


@keras.saving.register_keras_serializable(package="alic_tf")
class HyperAnalysis(ConvolutionStack):
    """Five 3x3 convolutions, the third and the fifth of stride 2, LeakyReLU between them.

    Fu et al., arXiv 2206.10618, figure 2.

    Args:
        filters: number N of channels.

    Maps (batch, h, w, N) to (batch, h/4, w/4, N), rounding up.
    """

    def __init__(self, filters, **kwargs):
        leaky = {"activation": "leaky_relu"}
        super().__init__([
            _layer(filters, **leaky),
            _layer(filters, **leaky),
            _layer(filters, **leaky, strides=2),
            _layer(filters, **leaky),
            _layer(filters, strides=2),
        ], **kwargs)
        self.filters = filters

    def get_config(self):
        config = super().get_config()
        del config["layers"]
        return {**config, "filters": self.filters}


@keras.saving.register_keras_serializable(package="alic_tf")
class HyperSynthesis(ConvolutionStack):
    """Five 3x3 convolutions, the second and the fourth doubling the size, LeakyReLU between them.

    Fu et al., arXiv 2206.10618, figure 2; with mirrored kernels, as the authors' weights have it.

    Args:
        filters: number N of channels of the latent.

    Maps (batch, h, w, N) to (batch, 4h, 4w, 2N).
    """

    def __init__(self, filters, **kwargs):
        leaky = {"activation": "leaky_relu", "flip": True}
        wide = 3 * filters // 2
        super().__init__([
            _layer(filters, **leaky),
            _layer(filters, **leaky, upsample=2),
            _layer(wide, **leaky),
            _layer(wide, **leaky, upsample=2),
            _layer(2 * filters, flip=True),
        ], **kwargs)
        self.filters = filters

    def get_config(self):
        config = super().get_config()
        del config["layers"]
        return {**config, "filters": self.filters}
