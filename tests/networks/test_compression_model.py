"""The assembled model: every switch, its configuration, and how the light model starts."""

import functools
import itertools
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from alic_tf.layers.normalization import GDN
from alic_tf.networks import presets
from alic_tf.networks.compression_model import TRANSFORMS, CompressionModel
from alic_tf.networks.entropy.model import Quality
from alic_tf.networks.initialization import initialize
from tests.tiny_models import (
    TINY_DWAN,
    TINY_ICWEM,
    tiny_dwan,
    tiny_fu2022,
    tiny_icwem,
    tiny_light,
    tiny_qae,
    tiny_resgdn,
)

DEMO = Path(__file__).parents[2] / "docs" / "images" / "demo.png"
SWITCHES = {
    "block": ("msrb", "hcnn"),
    "normalization": ("gdn", "ln_prelu"),
    "importance": ("none", "map", "dwan"),
    "pqf": (True, False, "wavelet"),
    "resampling": ("residual", "separable"),
    "attention": (True, False),
    # Of the encoder and of the decoder.
    "blocks": ((3, 1), (0, 0), (1, 2), (2, 3)),
}
# Independent of the transforms, so that each meets some of their combinations.
SMALL = {"hyper_filters": 8, "hyper_latents": 4, "width": 8}
ENTROPY = (
    {"context": "masked", "mixture": "gaussian"},
    {"context": "masked", "mixture": "gmm"},
    {"context": "masked", "mixture": "gllmm"},
    {"context": "checkerboard", **SMALL},
    {"context": "ssm", "groups": [3, 5], **SMALL},
    {"context": "channel", "filters": 4, "hyper_latents": 4, "head_dim": 4, "slices": 2,
     "attention": 16, "widths": [8, 8], "blocks": 1},
)


MODELS = {"dwan": tiny_dwan, "fu2022": tiny_fu2022, "light": tiny_light, "resgdn": tiny_resgdn,
          "qae": tiny_qae, "icwem": tiny_icwem}


@pytest.fixture(scope="module")
def models():
    """Function of a name to the tiny model, which tests leave as it is."""
    return functools.cache(lambda name: MODELS[name]())


def pairs(combination):
    return set(itertools.combinations(combination.items(), 2))


def covering_combinations():
    """Combinations of switches in which every two choices of two switches occur together."""
    everything = [dict(zip(SWITCHES, choices)) for choices in itertools.product(*SWITCHES.values())]
    missing = set().union(*map(pairs, everything))
    while missing:
        best = max(everything, key=lambda combination: len(pairs(combination) & missing))
        missing -= pairs(best)
        yield best


def gradients(model, image, quality):
    with tf.GradientTape() as tape:
        out = model((image, quality), training=True)
        loss = tf.reduce_mean(tf.square(out["image"] - image)) + 1e-3 * tf.reduce_mean(
            out["bits"] + out["hyper_bits"]) + tf.reduce_mean(out["filter_loss"])
    variables = model.trainable_variables
    return loss, zip(variables, tape.gradient(loss, [v.value for v in variables]))


def untrained(switches, entropy):
    return CompressionModel({"kind": "convolutional", "filters": 8, **switches}, entropy, [0.01])


@pytest.mark.parametrize(
    ("switches", "entropy"), list(zip(covering_combinations(), itertools.cycle(ENTROPY))))
def test_switches_run_and_train(switches, entropy):
    blocks = dict(zip(("encoder_blocks", "decoder_blocks"), switches["blocks"]))
    others = {name: value for name, value in switches.items() if name != "blocks"}
    model = untrained({**others, **blocks}, entropy)
    image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype("float32")
    loss, found = gradients(model, image, np.ones(1, "float32"))
    assert np.isfinite(loss)
    for variable, gradient in found:
        assert gradient is not None and np.all(np.isfinite(gradient)), variable.path


@pytest.mark.parametrize(("name", "qualities"), [("dwan", [1.5, 8]), ("light", [1.5, 3]),
                                                  ("icwem", [1, 1])])
def test_whole_model_trains(models, name, qualities):
    model = models(name)
    image = np.random.default_rng(0).uniform(size=(2, 64, 128, 3)).astype("float32")
    loss, found = gradients(model, image, np.array(qualities, "float32"))
    assert np.isfinite(loss)
    for variable, gradient in found:
        assert gradient is not None and np.all(np.isfinite(gradient)), variable.path
        # Some activations never see a negative number.
        assert np.any(gradient != 0) or "alpha" in variable.path, variable.path


@pytest.mark.parametrize(("transform", "entropy", "allowed"), [
    ({"block": "resnet"}, {}, "msrb.*hcnn"),
    ({"normalization": "batch"}, {}, "gdn.*ln_prelu"),
    ({"importance": "all"}, {}, "none.*map.*dwan"),
    ({"pqf": "median"}, {}, "False.*True.*wavelet"),
    ({"resampling": "bilinear"}, {}, "residual.*separable"),
    ({"encoder_blocks": 4}, {}, "0.*1.*2.*3"),
    ({"decoder_blocks": -1}, {}, "0.*1.*2.*3"),
    ({"kind": "wavelet"}, {}, "convolutional.*packet"),
    ({}, {"mixture": "student"}, "gaussian.*gmm.*gllmm"),
    ({}, {"context": "raster"}, "masked.*checkerboard.*ssm"),
    ({}, {"context": "ssm", "groups": [3, 4]}, "add up to 8"),
    ({}, {"context": "channel", "slices": 3}, "divide 8 latents"),
])
def test_errors_list_what_is_allowed(transform, entropy, allowed):
    with pytest.raises(ValueError, match=allowed):
        untrained(transform, entropy)


def test_light_normalizations_are_listed():
    with pytest.raises(ValueError, match="'prelu', 'ln_prelu'"):
        tiny_dwan(**{"transform.normalization": "gdn"})


@pytest.mark.parametrize(("changes", "message"), [
    ({"transform.window": 16}, r"\(2, 4, 8\)"),
    ({"transform.head_dims": [3] * 6}, "multiple of head_dim"),
    ({"transform.blocks": [1, 2]}, "6 numbers"),
])
def test_invertible_transforms_say_what_they_need(changes, message):
    with pytest.raises(ValueError, match=message):
        presets.build("icwem", {**TINY_ICWEM, **changes})


def test_levels_have_no_gains():
    with pytest.raises(ValueError, match="a quantized transform has one lambda, not 2"):
        CompressionModel({"kind": "quantized"}, {"context": "factorized"}, [0.01, 0.02])


RATES = {"convolutional": {"filters": 4, "encoder_blocks": 0},
         "residual": {"filters": 4, "latents": 3},
         "invertible": {key.removeprefix("transform."): value for key, value in TINY_ICWEM.items()
                        if key.startswith("transform.")}}


@pytest.mark.parametrize("kind", RATES)
def test_gains_of_several_rates(kind):
    """A latent grows as the root of lambda, and is divided by what it was multiplied with."""
    pair = TRANSFORMS[kind](**RATES[kind], lambdas=(0.004, 0.01, 0.025))
    pair.build()
    image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype("float32")
    latents, units = zip(*(pair.analyze(image, np.eye(3, dtype="float32")[i:i + 1])
                           for i in range(3)))
    np.testing.assert_array_equal(latents[1], pair.to_latent(image))
    for i, gain in enumerate((0.4**0.5, 1, 2.5**0.5)):
        np.testing.assert_allclose(latents[i], gain * np.asarray(latents[1]), rtol=1e-5)
        np.testing.assert_allclose(units[i], np.full((1, 1, 1, pair.latents), gain), rtol=1e-5)
    images = [np.asarray(pair.synthesize(latent, np.eye(3, dtype="float32")[i:i + 1])[0])
              for i, latent in enumerate(latents)]
    np.testing.assert_allclose(images[0], images[2], atol=1e-3 * np.abs(images[0]).max())


PACKET = {"filters": 4, "latents": 8, "analysis_units": (1,), "synthesis_units": (1,)}


@pytest.mark.parametrize("kind", ["residual", "invertible", "packet"])
def test_importance_and_filter_are_switches(kind):
    image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype("float32")
    knots, counts = np.ones((1, 1), "float32"), []
    for importance, pqf in (("none", False), ("none", True), ("dwan", "wavelet")):
        pair = TRANSFORMS[kind](**{**RATES, "packet": PACKET}[kind], lambdas=(0.01,),
                                importance=importance, pqf=pqf)
        pair.build()
        counts.append(pair.count_params())
        latent = np.rint(10 * np.asarray(pair.analyze(image, knots)[0]))
        change = np.abs(np.asarray(pair.synthesize(latent, knots)[1]) - latent).max()
        # The 3x3 filter starts as the identity.
        assert (change > 0.01) == (pqf == "wavelet")
        assert pair.block % (32 if importance == "dwan" else 16) == 0
    assert counts[1] - counts[0] == 9 * pair.latents < counts[2] - counts[0]
    for wrong, allowed in (({"importance": "map"}, "'none', 'dwan'"), ({"pqf": 3}, "wavelet")):
        with pytest.raises(ValueError, match=allowed):
            TRANSFORMS[kind](lambdas=(0.01,), **wrong)


@pytest.mark.parametrize("kind", ["convolutional", "residual", "invertible"])
def test_all_normalizations_have_the_form_that_is_asked_for(kind):
    pair = TRANSFORMS[kind](**RATES[kind], normalization={"alpha": 1, "epsilon": 0.75})
    forms = [(layer.alpha, layer.epsilon, layer.inverse) for layer in pair._flatten_layers()
             if isinstance(layer, GDN)]
    assert set(forms) == {(1, 0.75, False), (1, 0.75, True)}


def test_one_rate_has_no_gains():
    pair = TRANSFORMS["residual"](filters=4, latents=3, lambdas=(0.01,))
    assert pair.log_gain is None and np.all(np.asarray(pair.unit(np.ones((1, 1)))) == 1)


@pytest.mark.parametrize("name", MODELS)
def test_configuration_is_data_and_gives_the_same_model(models, name):
    model = models(name)
    configuration = json.loads(json.dumps(model.get_config()))
    again = CompressionModel.from_config(configuration)
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    inputs = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)), np.ones(1)
    inputs = [x.astype("float32") for x in inputs]
    expected, out = model(inputs), again(inputs)
    for name in expected:
        np.testing.assert_allclose(out[name], expected[name], rtol=1e-4, atol=1e-5)


def test_keras_saves_and_loads_it(tmp_path):
    model = tiny_dwan()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_estimate_is_the_rate_of_the_call(models, name):
    """What the codec codes, rounded, costs what evaluation says."""
    model = models(name)
    image = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype("float32")
    quality = np.ones(1, "float32")
    out = model((image, quality))
    latent, z = model.analyze(image, quality)
    z = np.rint(z)
    knots = model.knots(quality)
    unit = model.transform.unit(knots)
    latent_hat = model.entropy(latent, Quality(unit, knots))["latent_hat"]
    bits = model.estimate(latent_hat, z, quality)
    np.testing.assert_allclose(bits, out["bits"] + out["hyper_bits"], rtol=1e-3)
    np.testing.assert_allclose(model.synthesize(latent_hat, quality), out["image"], atol=1e-3)


@pytest.mark.parametrize(("preset", "millions"), [
    ("fu2022", (6, 14)), ("fu2022-gllmm", (7, 18)), ("fu2022-256", (25, 45)), ("dwan", (2, 8)),
    ("light", (2, 4)),
    ("resgdn", (14, 15)), ("icwem", (6, 10))])
def test_presets_build(preset, millions):
    parameters = presets.build(preset).count_params() / 1e6
    assert millions[0] < parameters < millions[1]


def test_presets_can_be_changed_and_stay_as_they_are():
    configuration = presets.configuration("dwan", {"entropy.context": "checkerboard"})
    assert configuration["entropy"]["context"] == "checkerboard"
    assert presets.PRESETS["dwan"]["entropy"]["context"] == "ssm"
    with pytest.raises(ValueError, match="fu2022.*dwan"):
        presets.configuration("jpeg")


def test_light_model_starts_as_a_transform_codec():
    photograph = np.asarray(Image.open(DEMO).convert("RGB"))
    height, width = (n // 64 * 64 for n in photograph.shape[:2])
    photograph = photograph[None, :height, :width]
    changes = {**TINY_DWAN, "transform.latents": 256, "entropy.groups": [32, 224]}
    model = presets.build("dwan", changes)
    initialize(model.transform, photograph)
    quality = np.array([8], "float32")
    image = photograph.astype("float32") / 255
    latent, _ = model.analyze(image, quality)
    # One latent in two is within half of its usual size, give or take.
    unit = np.asarray(model.transform.unit(model.knots(quality)))
    deviation = np.asarray(latent / unit).std((0, 1, 2))
    assert 0.7 < np.median(deviation) < 1.3

    def psnr(latent):
        error = 255 * (np.asarray(model.synthesize(latent, quality)) - image)
        return 10 * np.log10(255**2 / np.mean(np.square(error)))

    assert psnr(latent) > 36
    assert 30 < psnr(np.rint(latent)) < psnr(latent)
