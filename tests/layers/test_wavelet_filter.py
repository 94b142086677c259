import numpy as np

from alic_tf.layers.wavelet_filter import WaveletFilter
from tests.layers.torch_golden import (
    GOLDEN,
    assert_survives_saving,
    assert_trains,
    channels_last,
    load_state,
    set_stack,
)

RNG = np.random.default_rng(33)


def test_filter_equals_the_public_implementation():
    case = "post_quantization_filter"
    x = channels_last(GOLDEN[f"{case}/input"])
    layer = WaveletFilter(batch_normalization=True)
    layer.build(x.shape)
    state = load_state(case)
    set_stack(layer.correction, state, "pqf")
    set_stack(layer.attention.logits, state, "wam_pqf.importance_conv")
    np.testing.assert_allclose(layer(x), channels_last(GOLDEN[f"{case}/output"]), atol=1e-5)


def test_strength_bounds_the_correction():
    x = np.zeros((1, 7, 5, 8), "float32")
    layer = WaveletFilter(strength=0.25)
    layer.build(x.shape)
    layer.correction.stages[-1].bias.assign(np.full(8, 50.0))
    layer.attention.logits.stages[-1].bias.assign(np.full(8, 50.0))
    np.testing.assert_allclose(layer(x), np.full_like(x, 0.25), atol=1e-6)


def test_filter_trains_and_survives_saving(tmp_path):
    x = RNG.standard_normal((2, 7, 6, 8)).astype("float32")
    for batch_normalization in (False, True):
        layer = WaveletFilter(0.2, batch_normalization, 1.0)
        assert_trains(layer, x)
        assert_survives_saving(layer, x, tmp_path)
