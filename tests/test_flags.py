"""How flags may be spelt."""

import pytest

from alic_tf import errors, flags
from alic_tf.flags import Flag

TABLE = (
    Flag("string", "output", None, "PATH", "file to write", short="o"),
    Flag("integer", "max_bytes", 7, "N", "most bytes", bounds=(1, None)),
    Flag("float", "quality", 4.0, "Q", "quality", bounds=(1, 8)),
    Flag("boolean", "drop_metadata", False, "", "without metadata"),
    Flag("list", "codecs", ["a", "b"], "A,B", "codecs"),
    Flag("multi_string", "set", [], "PATH=VALUE", "change"),
    flags.HELP,
)


@pytest.mark.parametrize(("arguments", "expected"), [
    ([], {"output": None, "max_bytes": 7, "quality": 4.0, "drop_metadata": False, "set": [],
          "codecs": ["a", "b"], "help": False}),
    (["--max_bytes=3", "-o", "x"], {"max_bytes": 3, "output": "x"}),
    (["--max-bytes", "3", "--output", "-"], {"max_bytes": 3, "output": "-"}),
    (["--drop_metadata"], {"drop_metadata": True}),
    (["--drop-metadata=true"], {"drop_metadata": True}),
    (["--drop_metadata", "--nodrop_metadata"], {"drop_metadata": False}),
    (["--no-drop-metadata"], {"drop_metadata": False}),
    (["--set", "a=1", "--set=b=2"], {"set": ["a=1", "b=2"]}),
    (["--codecs=x,y"], {"codecs": ["x", "y"]}),
    (["--quality", "8", "-h"], {"quality": 8.0, "help": True}),
])  # fmt: skip
def test_spellings(arguments, expected):
    values = flags.parse(["program", "file", *arguments], TABLE)
    assert {name: values[name] for name in expected} == expected
    assert values.arguments == ["file"]
    words = {word.lstrip("-").split("=")[0].replace("-", "_") for word in arguments}
    assert values.given == {name for name in values.given if {name, name[0], f"no{name}",
                                                              f"no_{name}"} & words}


@pytest.mark.parametrize(("arguments", "cause"), [
    (["--max_bytes", "0"], "--max_bytes must be from 1, not 0"),
    (["--max_bytes", "1.5"], "--max_bytes must be a whole number, not '1.5'"),
    (["--quality=nan"], "--quality must be a number, not 'nan'"),
    (["--qual", "3"], "unknown flag --qual; did you mean --quality?"),
    (["--zzz"], "unknown flag --zzz; see --help"),
    (["--output"], "argument --output/-o: expected one argument"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(arguments, cause):
    with pytest.raises(errors.UsageError) as caught:
        flags.parse(["program", *arguments], TABLE)
    assert cause in str(caught.value) and "\n" not in str(caught.value)
