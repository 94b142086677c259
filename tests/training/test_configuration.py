import numpy as np
import pytest

from alic_tf import errors, zoo
from alic_tf.networks import presets
from alic_tf.networks.variables import named_variables
from alic_tf.training.configuration import assign_weights, configuration, make_model
from tests import tiny_models
from tests.training import tiny


def test_changes_are_made():
    assert configuration("dwan", tiny.PACKET)["transform"]["filters"] == 8
    changed = configuration("fu2022", {"transform.pqf": False, "entropy.context": "ssm"})
    assert changed["transform"] == {"kind": "convolutional", "filters": 128, "pqf": False}
    assert changed["entropy"]["context"] == "ssm"


def test_a_preset_with_a_mixture_may_have_a_context_without():
    small = {"transform.filters": 8, "entropy.hyper_filters": 8, "entropy.width": 8,
             "entropy.context": "checkerboard"}
    model = make_model(configuration("fu2022", small))
    assert model.entropy.context.context == "checkerboard"
    with pytest.raises(errors.UsageError, match="mixture must be 'gaussian'"):
        make_model(configuration("fu2022", small | {"entropy.mixture": "gmm"}))


@pytest.mark.parametrize(("preset", "changes", "dropped"), [
    ("dwan", {"entropy.context": "masked"}, {"groups"}),
    ("icwem", {"entropy.context": "ssm"}, {"filters", "attention", "widths"}),
    ("fu2022", {"entropy.context": "ssm"}, {"mixture"}),
    ("qae", {"entropy.context": "masked"}, {"levels", "noise", "rate_gradient"}),
    ("dwan", {"entropy.context": "checkerboard"}, set()),
])
def test_another_context_drops_what_it_does_not_take(preset, changes, dropped):
    before = presets.configuration(preset)["entropy"]
    after = configuration(preset, changes)["entropy"]
    assert before.keys() - after.keys() == dropped
    assert {**before, **after} == {**before, "context": after["context"]}


def test_another_transform_drops_what_it_does_not_take():
    changes = {"transform.kind": "residual", "transform.filters": 16}
    before = presets.configuration("light")["transform"]
    after = configuration("light", changes)["transform"]
    assert before.keys() - after.keys() == {"resampling", "block"}
    assert after == {name: before[name] for name in after} | {"kind": "residual", "filters": 16}
    assert configuration("light", {})["transform"] == before


def test_levels_are_those_of_the_bits():
    assert presets.PRESETS["qae"]["entropy"]["levels"] == 2**8 + 1

    def levels(**changes):
        changes = {f"{path.replace('_', '.')}": value for path, value in changes.items()}
        return configuration("qae", changes)["entropy"]["levels"]

    assert levels(transform_bits=4) == 17
    assert levels(transform_bits=4, entropy_levels=33) == 33
    assert levels(transform_bits=4, entropy_levels=None) is None
    for bits in (0, 40, "four", 2.5):
        with pytest.raises(errors.UsageError, match="bits must be from 1 to 11"):
            make_model(configuration("qae", {"transform.bits": bits}))


@pytest.mark.parametrize(
    ("preset", "changes", "cause"),
    [
        ("dwam", {}, "'fu2022', .*'dwan'.*not 'dwam'"),
        ("dwan", {"transform.block": "hcnn"}, "--set transform.block: no such .*transform.filters"),
        ("dwan", {"filters": 8}, "--set filters: no such"),
        ("dwan", {"a.b.c": 8}, "--set a.b.c: no such"),
        ("fu2022", {"entropy.groups": [8]}, "no such .*entropy.mixture"),
        ("qae", {"entropy.mixture": "gmm"}, "entropy.mixture: no such .*entropy.noise"),
        ("fu2022", {"lambdas": 0.01}, "lambdas must be a list"),
        ("fu2022", {"lambdas": [0]}, "lambdas must be a list"),
    ],
)
def test_errors_list_what_is_allowed(preset, changes, cause):
    with pytest.raises(errors.UsageError, match=cause):
        configuration(preset, changes)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"transform.kind": "fractal"}, "kind must be one of"),
        ({"transform.block": "mrsb"}, "mrsb"),
        ({"transform.kind": "quantized", "lambdas": [0.01, 0.02]}, "has one lambda, not 2"),
    ],
)
def test_values_that_a_model_does_not_take_are_refused(changes, cause):
    with pytest.raises(errors.UsageError, match=cause) as caught:
        make_model(configuration("fu2022", changes))
    assert "\n" not in str(caught.value)


def test_ms_ssim_has_lambdas_of_its_own():
    assert configuration("fu2022", {}, metric="ms-ssim")["lambdas"] == [40]
    assert configuration("fu2022-256", {}, metric="ms-ssim")["lambdas"] == [120]
    lambdas = configuration("dwan", {}, metric="ms-ssim")["lambdas"]
    assert len(lambdas) == 8 and (lambdas[0], lambdas[-1]) == (12, 120)
    np.testing.assert_allclose(np.diff(np.log(lambdas)), np.log(10) / 7, rtol=1e-3)
    assert configuration("icwem", {}, metric="ms-ssim")["lambdas"] == [8]
    assert configuration("resgdn", {}, metric="mae+ms-ssim")["lambdas"] == [9]
    given = {"lambdas": [80]}
    assert configuration("fu2022", given, metric="ms-ssim")["lambdas"] == [80]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(model with random weights, path of its file)."""
    changes = {"lambdas": [0.001, 0.01], "transform.synthesis_units": [2, 1]}
    model = tiny_models.tiny_dwan(**changes)
    path = str(tmp_path_factory.mktemp("models") / "small" / "model.npz")
    zoo.export(model, "small", path)
    return model, path


def started(path, **changes):
    model = make_model(configuration("small", changes, start=path))
    assign_weights(model, path)
    return model


GROWTHS = {
    "units": {"transform.analysis_units": [2], "transform.synthesis_units": [5, 2]},
    "stages": {"transform.analysis_units": [1, 2, 1], "transform.synthesis_units": [2, 1, 1]},
    "lambdas": {"lambdas": [0.002, 0.03]},
}


@pytest.mark.parametrize("growth", GROWTHS)
def test_a_grown_model_does_what_the_smaller_one_did(growth, trained):
    old, path = trained
    new = started(path, **GROWTHS[growth])
    more = len(named_variables(new)) - len(named_variables(old))
    assert more == {"units": 5 * 6, "stages": 4 * 6, "lambdas": 0}[growth]
    image = np.stack([photograph[:64, :64] for photograph in tiny.photographs(2)]) / 255
    inputs = image.astype("float32"), np.array([1, 1.75], "float32")
    for a, b in zip(old.analyze(*inputs), new.analyze(*inputs), strict=True):
        np.testing.assert_array_equal(a, b)
    a, b = old(inputs), new(inputs)
    for name in ("image", "bits", "hyper_bits"):
        np.testing.assert_array_equal(a[name], b[name])


def test_trained_blocks_keep_their_places_when_others_are_added(tmp_path):
    small = {**tiny.CONVOLUTIONAL, "transform.encoder_blocks": 2, "transform.pqf": False}
    old, path = presets.build("fu2022", small), tmp_path / "model.npz"
    zoo.export(old, "small", path)
    new = started(str(path), **{"transform.encoder_blocks": 3, "transform.pqf": True})

    def blocks(model):
        return {layer.name: layer for layer in model.transform.analysis.trunk if "block" in
                layer.name}

    assert blocks(old).keys() == {"block_4x", "block_8x"} < blocks(new).keys()
    for name, block in blocks(old).items():
        for a, b in zip(block.weights, blocks(new)[name].weights, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"transform.filters": 16}, "its weights do not fit the switches"),
        ({"transform.synthesis_units": [2]}, "its weights do not fit the switches"),
        ({"lambdas": [0.1, 0.2, 0.3]}, "its weights are for 2 lambdas, not 3"),
    ],
)
def test_every_weight_must_find_its_place(changes, cause, trained):
    with pytest.raises(errors.UsageError, match=f"model.npz: {cause}"):
        started(trained[1], **changes)
