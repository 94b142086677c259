"""The neighbouring systems have the parts that their publications name."""

import collections

import numpy as np
import pytest

from alic_tf.layers.hierarchical import MBConv
from alic_tf.layers.normalization import GDN
from alic_tf.layers.resnet import ResNet
from alic_tf.networks import presets
from alic_tf.networks.compression_model import CompressionModel
from tests.test_codec import picture
from tests.tiny_models import TINY_QAE, codec, tiny_light, tiny_qae, tiny_resgdn


def convolution(size, inputs, outputs):
    """Parameters of a convolution."""
    return size * size * inputs * outputs + outputs


def parts(layers):
    return collections.Counter(type(layer).__name__ for layer in layers)


def resgdn_parameters(filters, latents):
    """Parameters of both transforms, by hand."""
    gdn = filters + filters**2
    same, skip = (convolution(size, filters, filters) for size in (3, 1))
    block, mask = 2 * (same + gdn), same

    def up(channels):
        return (convolution(3, filters, 4 * channels) + convolution(1, filters, 4 * channels)
                + convolution(3, channels, channels) + channels + channels**2)

    encoder = (convolution(3, 3, filters) + 6 * block + 2 * skip + 2 * mask
               + convolution(3, filters, latents))
    decoder = convolution(3, latents, filters) + 4 * block + 2 * mask + 3 * up(filters) + up(3)
    return encoder + decoder


def test_light_is_as_described():
    model = tiny_light()
    transform = model.transform
    assert parts(transform.analysis.trunk) == {"SeparableDownsampling": 3, "HCNN": 3}
    assert parts(transform.synthesis.trunk) == {
        "SeparableUpsampling": 3, "HCNN": 1, "SubpixelConvolution": 1}
    inside = parts(transform._flatten_layers())
    assert inside["MBConv"] == 8 and inside["LayerNormPReLU"] == 6 and inside["GDN"] == 0
    assert sorted(layer.expansion for layer in transform._flatten_layers()
                  if isinstance(layer, MBConv)) == [2] * 4 + [4] * 4
    assert type(transform.synthesis.filter).__name__ == "WaveletFilter"
    assert model.entropy.context.context == "ssm"


def test_light_weighs_its_latent_and_filters_it_in_quantization_steps():
    model = tiny_light()
    analysis, knots = model.transform.analysis, model.knots(np.ones(1, "float32"))
    image = picture(64, 128)[None] / np.float32(255)
    unweighed, nothing = analysis.mapped(analysis.halved(image))
    latent, importance = analysis.latent_and_importance(image)
    assert nothing is None and 0.3 <= np.min(importance) < np.max(importance) <= 1
    np.testing.assert_allclose(latent, np.asarray(unweighed) * np.asarray(importance), rtol=1e-5)
    gain = (0.002 / 0.01) ** 0.5  # Of the quality, times a random one of each channel.
    steps, _ = model.transform.analyze(image, knots)
    ratio = np.asarray(steps) / np.asarray(latent)
    np.testing.assert_allclose(np.median(ratio), gain, rtol=0.1)
    rounded = np.rint(steps)
    _, filtered = model.transform.synthesize(rounded, knots)
    np.testing.assert_array_equal(filtered, model.transform.synthesis.filter(rounded))
    loss = model((image, np.ones(1, "float32")))["filter_loss"]
    assert loss.shape == (1,) and loss[0] > 0


def test_resgdn_is_as_described():
    transform = tiny_resgdn().transform
    assert parts(transform.analysis) == {
        "SignalConvolution": 2, "GDNResidualBlock": 6, "MaskAttention": 2}
    assert parts(transform.synthesis) == {
        "SignalConvolution": 1, "GDNResidualBlock": 4, "MaskAttention": 2, "ResidualUpsampling": 4}
    inverse = [layer.inverse for layer in transform._flatten_layers() if isinstance(layer, GDN)]
    assert collections.Counter(inverse) == {False: 12, True: 12}
    assert transform.count_params() == resgdn_parameters(8, 6)
    assert resgdn_parameters(192, 32) == 14_457_176


def test_resgdn_starts_without_large_numbers():
    model = presets.build("resgdn", {"transform.filters": 24})
    image, quality = picture(64, 128)[None] / np.float32(255), np.ones(1, "float32")
    decoded = model.synthesize(np.sign(model.latent(image, quality)), quality)
    assert np.abs(decoded).max() < 300


@pytest.mark.parametrize("context", ["checkerboard", "masked"])
def test_resgdn_with_a_hyperprior(context):
    changes = {"transform.filters": 8, "transform.latents": 6, "entropy.context": context}
    model = presets.build("resgdn", changes)
    assert model.stride == 64
    data, latents = codec(model).encode_with_latents(picture(50, 70))
    np.testing.assert_array_equal(codec(model).latents(data)["latent"], latents["latent"])


def normalized(size, inputs, outputs):
    """Parameters of a convolution and of the normalization behind it."""
    return convolution(size, inputs, outputs) + 4 * outputs


def resnet_parameters(blocks, width):
    total, inputs = normalized(7, 3, width), width
    for stage, count in enumerate(blocks):
        filters = width << stage
        total += normalized(1, inputs, 4 * filters)
        for _ in range(count):
            total += (normalized(1, inputs, filters) + normalized(3, filters, filters)
                      + normalized(1, filters, 4 * filters))
            inputs = 4 * filters
    return total


def decoder_parameters(width):
    total, inputs = 0, 32 * width
    for outputs, doubling in ((4, 1), (4, 0), (2, 1), (2, 0), (1, 1), (1, 0), (1, 0), (1, 0)):
        outputs *= width
        total += normalized(3, inputs, inputs) + normalized(3, inputs, outputs)
        total += doubling * convolution(3, inputs, outputs)
        inputs = outputs
    return total + normalized(3, width, width) + convolution(3, width, 3)


def test_qae_has_the_parameters_of_its_publications():
    """Of ResNet-101 as keras.applications lists it, and of the published decoder."""
    deep = ResNet((3, 4, 23, 3), width=1)
    deep.build((None, None, None, 3))
    assert deep.count_params() == resnet_parameters((3, 4, 23, 3), 1)
    assert resnet_parameters((3, 4, 23, 3), 64) == 42_658_176
    transform = tiny_qae().transform
    assert transform.encoder.count_params() == resnet_parameters((1, 1, 1, 1), 2)
    decoder = sum(layer.count_params() for layer in transform.decoder)
    assert decoder == decoder_parameters(2)
    assert decoder_parameters(64) == 50_415_747


def test_qae_codes_levels():
    model = tiny_qae()
    data, latents = codec(model).encode_with_latents(picture(200, 130))
    levels = latents["latent"]
    assert levels.shape == (4, 3, 64)
    assert levels.min() == 0 and 5 < levels.max() <= 32
    np.testing.assert_array_equal(levels, np.rint(levels))
    np.testing.assert_array_equal(levels, latents["hyper_latent"])
    # Features above one end there.
    normalization = model.transform.encoder.stages[-1].trunk[-1].normalization
    normalization.beta.assign(10 + np.asarray(normalization.beta))
    quality = np.ones(1, "float32")
    high = np.asarray(model.latent(picture(64, 64)[None] / np.float32(255), quality))
    assert high.max() == 32


@pytest.mark.parametrize("bits", [0, 12, 2.5])
def test_bits_are_those_the_codec_can_hold(bits):
    configuration = presets.configuration("qae", {**TINY_QAE, "transform.bits": bits})
    with pytest.raises(ValueError, match="bits must be from 1 to 11"):
        CompressionModel(**configuration)
