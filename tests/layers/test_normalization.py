import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from alic_tf.layers.normalization import GDN, LayerNormPReLU, make_normalization
from tests.golden import load, relative_error

GOLDEN = load("gdn")
CASE = re.compile(r"alpha([\d.]+)_eps([\d.]+)/(forward|inverse)/rectify(\d)(/rank2)?")


@pytest.mark.parametrize("key", [key for key in GOLDEN if CASE.fullmatch(key)])
@pytest.mark.parametrize("weights", ["raw", "effective"])
def test_gdn_equals_original(key, weights):
    alpha, epsilon, direction, rectify, rank2 = CASE.fullmatch(key).groups()
    layer = GDN(direction == "inverse", float(alpha), float(epsilon), rectify == "1")
    x = GOLDEN["x_rank2" if rank2 else "x"]
    layer.build(x.shape)
    if weights == "raw":
        layer.beta.assign(GOLDEN["var/gdn/reparam_beta:0"])
        layer.gamma.assign(GOLDEN["var/gdn/reparam_gamma:0"])
    else:
        layer.set_effective(GOLDEN["beta_effective"], GOLDEN["gamma_effective"])
    assert relative_error(layer(x), GOLDEN[key]) < 1e-6


def test_initial_gdn_equals_original():
    layer = GDN(alpha=1, epsilon=1, rectify=True)
    expected = GOLDEN["trainable_alpha_eps_default_init/forward/rectify1"]
    assert relative_error(layer(GOLDEN["x"]), expected) < 1e-6


def test_weights_below_their_bounds_equal_original_and_can_return():
    layer = GDN()
    layer.build(GOLDEN["x"].shape)
    layer.beta.assign(GOLDEN["clipped/var/reparam_beta:0"])
    layer.gamma.assign(GOLDEN["clipped/var/reparam_gamma:0"])
    with tf.GradientTape() as tape:
        y = layer(GOLDEN["x"])
        # Every beta and gamma wants to grow when the outputs are to shrink.
        loss = tf.reduce_sum(tf.square(y))
    assert relative_error(y, GOLDEN["clipped/alpha2_eps0.5/forward"]) < 1e-6
    for actual, name in zip(layer.effective(), ("beta", "gamma")):
        np.testing.assert_allclose(actual, GOLDEN[f"clipped/{name}_effective"], atol=1e-9)
    for gradient in tape.gradient(loss, [layer.beta.value, layer.gamma.value]):
        assert np.all(gradient < 0)


def test_gdn_in_half_precision_neither_overflows_nor_loses_its_weights():
    layer = GDN(dtype="mixed_float16")
    x = np.full((1, 2, 2, 4), 3e4, "float16")
    y = layer(x)
    assert y.dtype == "float16" and np.all(np.isfinite(y))
    reference = GDN()
    assert relative_error(y, reference(x.astype("float32"))) < 1e-3


@pytest.mark.parametrize("case", ["square", "nonsquare"])
def test_layer_norm_prelu_equals_original(case):
    golden = load("layer_norm_prelu")
    state = f"lightweight_norm_{case}/state"
    x, y = (golden[f"lightweight_norm_{case}/{name}"].transpose(0, 2, 3, 1)
            for name in ("input", "output"))
    layer = LayerNormPReLU()
    layer.build(x.shape)
    layer.normalization.gamma.assign(golden[f"{state}/norm.weight"])
    layer.normalization.beta.assign(golden[f"{state}/norm.bias"])
    layer.slope.assign(golden[f"{state}/activation.weight"])
    assert relative_error(layer(x), y) < 1e-6


@pytest.mark.parametrize("layer", [GDN(True, 1.5, 0.7, True, 0.2), LayerNormPReLU()])
def test_saved_and_loaded_model_is_the_same(layer, tmp_path):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    model = keras.Sequential([keras.Input((None, None, 5)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_unknown_arguments_are_named():
    with pytest.raises(ValueError, match="ln_prelu"):
        make_normalization("batch")
    with pytest.raises(ValueError, match="positive"):
        GDN(alpha=0)
