import pytest

from alic_tf import errors, files


def test_replacing_writes_the_whole_file_or_nothing(tmp_path):
    path = tmp_path / "new" / "folder" / "a.bin"
    with files.replacing(path) as temporary:
        temporary.write_bytes(b"first")
        assert not path.exists()
    assert path.read_bytes() == b"first"
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_bytes(b"half of the sec")
        raise RuntimeError
    assert path.read_bytes() == b"first"
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]


def test_check_writable_leaves_nothing_behind(tmp_path):
    files.check_writable(tmp_path)
    files.check_writable(tmp_path / "not" / "yet" / "there")
    assert not list(tmp_path.iterdir())


def test_check_writable_names_the_folder(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", "/proc/below"):
        with pytest.raises(errors.UsageError, match=f"{folder}: cannot write"):
            files.check_writable(folder)
