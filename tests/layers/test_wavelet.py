import keras
import numpy as np
import pytest
import pywt

from alic_tf.layers.wavelet import DWT, HaarPacket, InverseDWT, InverseHaarPacket
from tests.layers.torch_golden import (
    GOLDEN,
    assert_survives_saving,
    channels_last,
    input_gradient,
)

WAVELETS = [
    "haar", "db2", "db3", "db4", "sym4", "coif1", "bior2.2", "bior4.4", "rbio2.2", "bior3.1"
]  # fmt: skip
SIZES = [(8, 12), (7, 10), (9, 5), (16, 33), (2, 3), (1, 1)]
RNG = np.random.default_rng(31)


def random(*shape):
    return RNG.standard_normal(shape).astype("float32")


def pywt_bands(x, wavelet):
    """[b, h, w, c] to [b, h / 2, w / 2, 4 c] by PyWavelets in float64."""
    ll, (hl, lh, hh) = pywt.dwt2(x.astype("float64"), wavelet, "periodization", axes=(1, 2))
    return np.concatenate([ll, lh, hl, hh], axis=-1)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_packet_equals_pywavelets(levels):
    x = expected = random(2, 16, 24, 3)
    for _ in range(levels):
        expected = pywt_bands(expected, "haar")
    np.testing.assert_allclose(HaarPacket(levels)(x), expected, atol=2e-6)


def test_packet_block_and_channel_order():
    block = np.array([[1, 2], [3, 5]], "float32")[None, :, :, None]
    x = np.concatenate([block, 10 * block], axis=-1)
    expected = [5.5, 55, -1.5, -15, -2.5, -25, 0.5, 5]
    np.testing.assert_array_equal(np.ravel(HaarPacket(1)(x)), expected)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_packet_is_exact_on_images(levels):
    image = RNG.integers(0, 256, (2, 32, 48, 3)).astype("float32")
    bands = HaarPacket(levels)(image)
    assert bands.shape == (2, 32 >> levels, 48 >> levels, 3 << 2 * levels)
    np.testing.assert_array_equal(InverseHaarPacket(levels)(bands), image)


@pytest.mark.parametrize("pair", [(HaarPacket, InverseHaarPacket), (InverseHaarPacket, HaarPacket)])
def test_packet_gradient_is_the_adjoint(pair):
    layer, adjoint = pair[0](2), pair[1](2)
    x = random(1, 8, 8, 16)
    cotangent = random(*layer.compute_output_shape(x.shape))
    np.testing.assert_allclose(input_gradient(layer, x, cotangent), adjoint(cotangent), atol=2e-6)


def test_packet_follows_the_precision_policy():
    x = random(1, 8, 8, 3)
    y = HaarPacket(3, dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    np.testing.assert_allclose(keras.ops.cast(y, "float32"), HaarPacket(3)(x), atol=0.1)


def test_packet_rejects_bad_arguments():
    with pytest.raises(ValueError, match="divisible by 8, got 8x12"):
        HaarPacket(3)(random(1, 8, 12, 1))
    with pytest.raises(ValueError, match="divisible by 16"):
        InverseHaarPacket(2)(random(1, 2, 2, 12))
    with pytest.raises(ValueError, match="levels must be"):
        HaarPacket(0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("wavelet", WAVELETS)
def test_dwt_equals_pywavelets_and_inverts(wavelet, size):
    x = random(2, *size, 3)
    bands = DWT(wavelet)(x)
    np.testing.assert_allclose(bands, pywt_bands(x, wavelet), atol=1e-5)
    np.testing.assert_allclose(InverseDWT(wavelet)(bands, size=size), x, atol=1e-5)


@pytest.mark.parametrize("size", [(4, 6), (3, 5), (1, 1)])
@pytest.mark.parametrize("wavelet", WAVELETS)
def test_inverse_dwt_equals_pywavelets(wavelet, size):
    bands = random(2, *size, 8)
    ll, lh, hl, hh = np.split(bands.astype("float64"), 4, axis=-1)
    expected = pywt.idwt2((ll, (hl, lh, hh)), wavelet, "periodization", axes=(1, 2))
    np.testing.assert_allclose(InverseDWT(wavelet)(bands), expected, atol=1e-5)


def test_dwt_of_haar_is_the_packet():
    x = random(2, 6, 10, 3)
    np.testing.assert_allclose(DWT("haar")(x), HaarPacket(1)(x), atol=1e-6)


@pytest.mark.parametrize("odd", ["", "odd_"])
@pytest.mark.parametrize("wavelet", ["haar", "db2", "db3", "bior2.2"])
def test_dwt_reproduces_the_public_implementation(wavelet, odd):
    """The public code continues the signal by zeros, keeps floor(n / 2) low and ceil(n / 2) high
    coefficients, and so loses information for all but the even Haar case. It also analyses with
    the reconstruction filters, which matters for biorthogonal ones. On zero-padded input our
    layers must give the same numbers, its imperfect reconstruction included."""
    case = f"dwt/{odd}{wavelet}"
    wavelet = {"bior2.2": "rbio2.2"}.get(wavelet, wavelet)
    x = channels_last(GOLDEN[f"{case}/input"])
    _, height, width, channels = x.shape
    margin = 8

    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    bands = np.asarray(DWT(wavelet)(padded))
    kept = np.zeros_like(bands)
    for i, band in enumerate(("LL", "LH", "HL", "HH")):
        counts = [
            size // 2 if letter == "L" else size - size // 2
            for letter, size in zip(band, (height, width))
        ]
        region = (
            slice(None),
            *(slice(margin // 2, margin // 2 + count) for count in counts),
            slice(i * channels, (i + 1) * channels),
        )
        np.testing.assert_allclose(
            bands[region], channels_last(GOLDEN[f"{case}/{band}"]), atol=2e-6
        )
        kept[region] = bands[region]
    restored = InverseDWT(wavelet)(kept)[:, margin : margin + height, margin : margin + width]
    np.testing.assert_allclose(restored, channels_last(GOLDEN[f"{case}/idwt"]), atol=2e-6)


@pytest.mark.parametrize("wavelet", ["haar", "db3", "sym4"])
def test_dwt_gradient_is_the_adjoint_of_an_orthogonal_wavelet(wavelet):
    x, cotangent = random(1, 8, 12, 2), random(1, 4, 6, 8)
    gradient = input_gradient(DWT(wavelet), x, cotangent)
    np.testing.assert_allclose(gradient, InverseDWT(wavelet)(cotangent), atol=2e-6)
    gradient = input_gradient(InverseDWT(wavelet), cotangent, x)
    np.testing.assert_allclose(gradient, DWT(wavelet)(x), atol=2e-6)


@pytest.mark.parametrize(
    "layer", [HaarPacket(2), InverseHaarPacket(2), DWT("db2"), InverseDWT("bior4.4")]
)
def test_wavelet_layers_survive_saving(layer, tmp_path):
    assert_survives_saving(layer, random(1, 8, 12, 16), tmp_path)


def test_inverse_dwt_crops_inside_a_functional_model():
    inputs = keras.Input((7, 9, 2))
    outputs = InverseDWT("db2")(DWT("db2")(inputs), size=(7, 9))
    assert outputs.shape == (None, 7, 9, 2)
    x = random(3, 7, 9, 2)
    np.testing.assert_allclose(keras.Model(inputs, outputs)(x), x, atol=1e-5)


def test_dwt_rejects_bad_arguments():
    with pytest.raises(ValueError, match="unknown wavelet 'morl'.*bior4.4"):
        DWT("morl")
    with pytest.raises(ValueError, match="divisible by 4, got 6"):
        InverseDWT("haar")(random(1, 2, 2, 6))
