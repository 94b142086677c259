import inspect

from alic_tf import errors


def test_a_message_names_the_file_when_it_is_known():
    error = errors.Truncated("cut short")
    assert str(error) == "cut short"
    error.path = "a.alic"
    assert str(error) == "a.alic: cut short"


def test_exit_codes():
    classes = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    kinds = [kind for kind in classes if not issubclass(kind, Warning)]
    assert all(issubclass(kind, errors.AlicError) for kind in kinds)
    assert [kind for kind in kinds if kind.exit_code == 2] == [errors.UsageError]
    assert {kind.exit_code for kind in kinds} == {1, 2}


def test_names_of_files_keep_to_one_line():
    assert str(errors.Malformed("bad", "a\nb é\udcff.alic")) == "a\\nb é\\udcff.alic: bad"
