import keras
import numpy as np
import pytest
import tensorflow as tf

from alic_tf.layers.attention import NonLocalAttention
from alic_tf.layers.hierarchical import HCNN
from alic_tf.layers.residual import MSRB
from alic_tf.networks.entropy.hyperprior import HyperAnalysis, HyperSynthesis
from alic_tf.networks.transforms import Analysis, Synthesis


@pytest.mark.parametrize("block, normalization, importance", [
    ("msrb", "gdn", "map"), ("msrb", "ln_prelu", "none"), ("hcnn", "ln_prelu", "dwan")])
def test_saved_and_loaded_model_is_the_same(block, normalization, importance, tmp_path):
    x = np.random.default_rng(0).uniform(size=(1, 37, 50, 3)).astype("float32")
    model = keras.Sequential([
        keras.Input((None, None, 3)),
        Analysis(6, block, normalization, importance, 1),
        Synthesis(6, block, normalization, blocks=1),
    ])
    y = model(x)
    assert y.shape == (1, 48, 64, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x), y, atol=1e-6)


def kinds(network, kind):
    return sum(isinstance(layer, kind) for layer in network.trunk)


@pytest.mark.parametrize("blocks", [0, 1, 2, 3])
@pytest.mark.parametrize("block, kind", [("msrb", MSRB), ("hcnn", HCNN)])
def test_number_of_blocks(blocks, block, kind):
    for network in (Analysis(4, block, blocks=blocks), Synthesis(4, block, blocks=blocks)):
        assert kinds(network, kind) == blocks
        network.build((None, None, None, 3 if isinstance(network, Analysis) else 4))
        assert network.count_params() > 0
    assert kinds(Analysis(4), MSRB) == 3 and kinds(Synthesis(4), MSRB) == 1


@pytest.mark.parametrize("make", [Analysis, Synthesis])
def test_attention_can_be_left_out(make):
    with_attention, without = (make(4, attention=attention) for attention in (True, False))
    for network in (with_attention, without):
        network.build((None, None, None, 3 if make is Analysis else 4))
    attention = NonLocalAttention(4)
    attention.build((None, None, None, 4))
    both = 2 * attention.count_params()
    assert with_attention.count_params() - without.count_params() == both
    assert make.from_config(without.get_config()).switches["attention"] is False


@pytest.mark.parametrize("size", [(1, 1), (17, 31), (64, 48)])
@pytest.mark.parametrize("resampling", ["residual", "separable"])
def test_shapes_at_odd_sizes_and_odd_widths(size, resampling):
    x = np.zeros((2, *size, 3), "float32")
    options = {"resampling": resampling, "latents": 5}
    analysis, synthesis = Analysis(7, **options), Synthesis(7, **options)
    latent = analysis(x)
    expected = (2, -(-size[0] // 16), -(-size[1] // 16), 5)
    assert latent.shape == analysis.compute_output_shape(x.shape) == expected
    image = synthesis(latent)
    assert image.shape == (2, 16 * expected[1], 16 * expected[2], 3)
    assert image.shape == synthesis.compute_output_shape(latent.shape)
    z = HyperAnalysis(7)(latent)
    assert z.shape == (2, -(-expected[1] // 4), -(-expected[2] // 4), 7)
    assert HyperSynthesis(7)(z).shape == (2, 4 * z.shape[1], 4 * z.shape[2], 14)


def test_importance_scales_the_latent():
    x = np.random.default_rng(0).uniform(size=(1, 32, 32, 3)).astype("float32")
    for importance, bound in (("map", (-0.5, 0.5)), ("dwan", (0.3, 1))):
        latent, scale = Analysis(6, importance=importance).latent_and_importance(x)
        assert scale.shape == latent.shape
        assert np.all(scale >= bound[0]) and np.all(scale <= bound[1])
    assert Analysis(6, importance="none").latent_and_importance(x)[1] is None


def test_filter_comes_before_the_reconstruction():
    latent = np.random.default_rng(0).normal(size=(1, 3, 2, 6)).astype("float32")
    synthesis = Synthesis(6)
    synthesis.build(latent.shape)
    synthesis.filter.kernel.assign(2 * synthesis.filter.kernel)
    np.testing.assert_allclose(synthesis.refine(latent), 2 * latent, rtol=1e-6)
    np.testing.assert_allclose(synthesis(latent), synthesis.reconstruct(2 * latent), atol=1e-6)
    without = Synthesis(6, pqf=False)
    assert without.filter is None and without.refine(latent) is latent


@pytest.mark.parametrize("arguments, message", [
    ({"block": "resnet"}, "msrb"), ({"normalization": "batch"}, "gdn"),
    ({"importance": "all"}, "dwan"), ({"blocks": 4}, "3"), ({"resampling": "none"}, "separable")])
def test_unknown_switches_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Analysis(4, **arguments)


def test_networks_train_in_mixed_precision():
    analysis, synthesis = (kind(4, dtype="mixed_bfloat16") for kind in (Analysis, Synthesis))
    image = np.full((1, 32, 32, 3), 0.5, "float32")
    with tf.GradientTape() as tape:
        output = synthesis(analysis(image))
        loss = tf.reduce_sum(tf.square(tf.cast(output, tf.float32) - image))
    assert output.dtype == "bfloat16"
    variables = [v.value for v in analysis.trainable_variables + synthesis.trainable_variables]
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
        assert variable.dtype == "float32" and np.all(np.isfinite(gradient))
