import keras
import numpy as np
import pytest

from alic_tf.layers.wavelet_attention import WaveletAttention
from tests.layers.torch_golden import (
    GOLDEN,
    assert_survives_saving,
    assert_trains,
    channels_last,
    load_state,
    set_stack,
)

RNG = np.random.default_rng(32)


def random(*shape):
    return RNG.standard_normal(shape).astype("float32")


def test_attention_equals_the_public_implementation():
    case = "paper_dwan_attention"
    x = channels_last(GOLDEN[f"{case}/input"])
    layer = WaveletAttention(batch_normalization=True)
    layer.build(x.shape)
    set_stack(layer.logits, load_state(case), "importance_conv")
    output, importance = layer(x)
    np.testing.assert_allclose(output, channels_last(GOLDEN[f"{case}/output"]), atol=1e-5)
    np.testing.assert_allclose(importance, channels_last(GOLDEN[f"{case}/output_1"]), atol=1e-6)


@pytest.mark.parametrize("size", [(8, 12), (7, 12), (8, 11), (5, 3), (1, 1)])
def test_attention_accepts_any_size(size):
    x = random(2, *size, 8)
    output, importance = WaveletAttention(minimum=0.25)(x)
    assert output.shape == importance.shape == x.shape
    assert np.min(importance) >= 0.25 and np.max(importance) <= 1
    np.testing.assert_allclose(output, x * np.asarray(importance), atol=1e-6)


def test_odd_size_is_extended_by_repetition():
    x = random(1, 7, 11, 8)
    extended = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)), mode="edge")
    layer = WaveletAttention()
    np.testing.assert_allclose(layer(x)[1], layer(extended)[1][:, :7, :11], atol=1e-6)


def test_size_may_be_unknown_when_the_model_is_built():
    inputs = keras.Input((None, None, 8))
    layer = WaveletAttention()
    model = keras.Model(inputs, layer(inputs))
    x = random(1, 7, 10, 8)
    np.testing.assert_allclose(model.predict(x, verbose=0)[0], layer(x)[0], atol=1e-5)


def test_bias_initializer_starts_near_one():
    _, importance = WaveletAttention(importance_bias_init=4.0)(0.1 * random(1, 16, 16, 16))
    assert np.min(importance) > 0.95


def test_attention_trains_and_survives_saving(tmp_path):
    x = random(2, 7, 10, 8)
    for batch_normalization in (False, True):
        layer = WaveletAttention(0.2, 2, batch_normalization, 1.0)
        assert_trains(layer, x, select=lambda pair: pair[0])
        assert_survives_saving(layer, x, tmp_path)


def test_batch_normalization_is_told_of_training():
    x = 3 + random(4, 8, 8, 8)
    layer = WaveletAttention(batch_normalization=True)
    layer.build(x.shape)

    def moments():
        return [keras.ops.convert_to_numpy(v) for v in layer.non_trainable_variables]

    initial = moments()
    layer(x, training=False)
    assert all(np.array_equal(old, new) for old, new in zip(initial, moments(), strict=True))
    layer(x, training=True)
    assert not any(np.array_equal(old, new) for old, new in zip(initial, moments(), strict=True))


def test_attention_in_bfloat16():
    layer = WaveletAttention(dtype="mixed_bfloat16")
    output, importance = layer(random(1, 8, 8, 8))
    for tensor in (output, importance):
        assert keras.backend.standardize_dtype(tensor.dtype) == "bfloat16"


def test_attention_rejects_bad_minimum():
    with pytest.raises(ValueError, match=r"minimum must be in \[0, 1\)"):
        WaveletAttention(minimum=1.0)
