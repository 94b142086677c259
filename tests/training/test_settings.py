"""What follows from the settings that are given, and which are refused together."""

import dataclasses
import json

import pytest

from alic_tf import errors
from alic_tf.training.folder import RunFolder
from alic_tf.training.settings import FLAGS, Settings


@pytest.mark.parametrize(("given", "expected"), [
    ({}, {"minutes": 60.0, "steps": None, "optimizer": "muon", "rate": 3e-3, "warmup": 200}),
    ({"steps": 9}, {"minutes": None, "steps": 9}),
    ({"start": "dwan"}, {"optimizer": "adam", "rate": 1e-3}),
    ({"schedule": "paper"}, {"optimizer": "adam", "rate": 1e-4, "warmup": 0, "steps": 1_500_000}),
    ({"schedule": "paper", "minutes": 5.0, "rate": 1.0}, {"steps": None, "rate": 1.0}),
    ({"schedule": "cyclic"}, {"minutes": 60.0, "warmup": 0}),
])  # fmt: skip
def test_what_follows_from_what_is_given(given, expected):
    settings = dataclasses.asdict(Settings.of(given))
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(("given", "cause"), [
    ({"minutes": 1.0, "steps": 1}, "one of --minutes and --steps"),
    ({"minutes": 0.0}, "--minutes must be more than 0"),
    ({"rate": float("inf")}, "--rate must be a number from 0"),
    ({"patch": 100}, "a multiple of 64"),
    ({"optimizer": "sgd"}, "--optimizer must be one of"),
    ({"decay": 1.0}, "--decay goes with --schedule stable"),
    ({"metric": "ms-ssim"}, "needs crops of 176"),
])  # fmt: skip
def test_what_is_refused(given, cause):
    with pytest.raises(errors.UsageError, match=cause):
        Settings.of(given)


def test_a_stored_run_is_read_as_it_was_written_or_as_an_old_one(tmp_path):
    folder = RunFolder(tmp_path)
    settings = Settings.of({"steps": 7, "ema": 0.5, "set": {"lambdas": [0.1]}})
    folder.write_settings(dataclasses.replace(settings, configuration={"lambdas": [0.1]}))
    stored = Settings.stored(folder)
    assert stored == dataclasses.replace(settings, set={}, configuration={"lambdas": [0.1]})
    assert stored.to_resume({"minutes": 3.0}, None).steps is None
    folder.settings_file.write_text(json.dumps({"model": "dwan", "steps": 7}))
    assert Settings.stored(folder).optimizer == "adam"
    folder.settings_file.write_text(json.dumps({"steps": -7}))
    with pytest.raises(errors.UsageError, match=r"config.json: --steps must be from 1"):
        Settings.stored(folder)


def test_every_setting_is_a_flag_but_the_configuration():
    names = {field.name for field in dataclasses.fields(Settings)}
    assert {flag.name for flag in FLAGS} == names - {"configuration"}
