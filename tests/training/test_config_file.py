import json

import pytest

from alic_tf import errors, flags
from alic_tf.training.config_file import arguments

NAMES = ("model", "start", "set", "steps", "minutes", "rate")


@pytest.fixture
def file(tmp_path):
    """A function that writes settings to a file and returns its path."""

    def write(**settings):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(settings))
        return path

    return write


def test_settings_become_flags_and_switches_changes(file):
    path = file(
        model="dwan", start=None, rate=1e-5, set={"transform.pqf": False},
        configuration={"transform": {"kind": "packet", "units": [1, 2]}, "lambdas": [0.5]},
    )  # fmt: skip
    given = arguments(path, NAMES, [])
    assert given[:2] == ["--model=dwan", "--rate=1e-05"]
    assert dict(flags.change(flag.removeprefix("--set=")) for flag in given[2:]) == {
        "transform.pqf": False, "transform.kind": "packet", "transform.units": [1, 2],
        "lambdas": [0.5]}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["--start=m.npz", "--steps=5"]),
        (["model"], ["--steps=5"]),
        (["minutes", "rate"], ["--start=m.npz"]),
    ],
)
def test_of_alternatives_one_is_left(given, expected, file):
    path = file(model="m", start="m.npz", steps=5, minutes=60.0)
    assert arguments(path, NAMES, given) == expected


def test_what_is_wrong_is_said(file, tmp_path):
    with pytest.raises(errors.UsageError, match="unknown setting 'bach'; there are: configuration"):
        arguments(file(bach=8), NAMES, [])
    with pytest.raises(errors.UsageError, match="no such file"):
        arguments(tmp_path / "none", NAMES, [])
    for text in ("[]", "{", '{"set": 5}', '{"configuration": 5}', '"text"'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(errors.UsageError, match="holds no JSON object of settings"):
            arguments(tmp_path / "config.json", NAMES, [])
