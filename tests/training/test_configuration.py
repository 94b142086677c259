import numpy as np
import pytest

from alic_tf import errors
from alic_tf.training.configuration import configuration, make_model
from tests.training import tiny


def test_changes_are_made():
    assert configuration("dwan", tiny.PACKET)["transform"]["filters"] == 8
    changed = configuration("fu2022", {"transform.pqf": False, "entropy.context": "ssm"})
    assert changed["transform"] == {"kind": "convolutional", "filters": 128, "pqf": False}
    assert changed["entropy"]["context"] == "ssm"


def test_a_preset_with_a_mixture_may_have_a_context_without():
    small = {"transform.filters": 8, "entropy.hyper_filters": 8, "entropy.width": 8}
    context = {"entropy.context": "checkerboard"}
    with pytest.raises(errors.UsageError, match="mixture must be 'gaussian'"):
        make_model(configuration("fu2022", small | context))
    model = make_model(configuration("fu2022", small | context | {"entropy.mixture": "gaussian"}))
    assert model.entropy.context.context == "checkerboard"


@pytest.mark.parametrize(
    ("preset", "changes", "cause"),
    [
        ("dwam", {}, "'fu2022', .*'dwan'.*not 'dwam'"),
        ("dwan", {"transform.pqf": False}, "--set transform.pqf: no such .*transform.filters"),
        ("dwan", {"filters": 8}, "--set filters: no such"),
        ("dwan", {"a.b.c": 8}, "--set a.b.c: no such"),
        ("fu2022", {"entropy.groups": [8]}, "no such .*entropy.mixture"),
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
        ({"lambdas": [0.01, 0.02]}, "has one lambda, not 2"),
    ],
)
def test_values_that_a_model_does_not_take_are_refused(changes, cause):
    with pytest.raises(errors.UsageError, match=cause) as caught:
        make_model(configuration("fu2022", changes))
    assert "\n" not in str(caught.value)


def test_ms_ssim_has_lambdas_of_its_own():
    assert configuration("fu2022", {}, metric="ms-ssim")["lambdas"] == [40]
    lambdas = configuration("dwan", {}, metric="ms-ssim")["lambdas"]
    assert len(lambdas) == 8 and (lambdas[0], lambdas[-1]) == (12, 120)
    np.testing.assert_allclose(np.diff(np.log(lambdas)), np.log(10) / 7, rtol=1e-3)
    given = {"lambdas": [80]}
    assert configuration("fu2022", given, metric="ms-ssim")["lambdas"] == [80]
