"""The command line of the export."""

import subprocess
import sys
from pathlib import Path

import pytest

from alic_tf import flags
from alic_tf.command import export as command
from alic_tf.serving import export, warmup

ROOT = Path(__file__).parents[2]


def run(capsys, *arguments):
    """(exit code, what was printed) of the command."""
    code = flags.main(command.run, ["export", *arguments])
    return code, "".join(capsys.readouterr())


def test_help_and_wrong_flags_answer_before_tensorflow_is_imported():
    program = ("import sys; from alic_tf.__main__ import main\n"
               "codes = [main(['', 'export', *words.split()]) for words in (\n"
               "    '--help', '--nonsense', '--out x/one', '--out x/1 --max_pixels 0')]\n"
               "assert codes == [0, 2, 2, 2] and 'tensorflow' not in sys.modules, codes")
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize(("arguments", "cause"), [
    ((), "version number"), (("--out", "served/one"), "version number"),
    (("--out", "1", "more"), "unexpected argument"),
    (("--out", "1", "--model", "nonsense"), "unknown model 'nonsense'")])
def test_what_is_wrong_is_named(capsys, tmp_path, monkeypatch, arguments, cause):
    monkeypatch.chdir(tmp_path)
    code, text = run(capsys, *arguments)
    assert code == 2 and cause in text and not list(tmp_path.iterdir())


def test_versions_are_not_replaced(capsys, tmp_path):
    (tmp_path / "1").mkdir()
    code, text = run(capsys, "--out", str(tmp_path / "1"))
    assert code == 2 and "next version" in text


def test_nothing_half_written_is_left(tmp_path, monkeypatch, codec):
    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tensorflow.saved_model.save", fail)
    monkeypatch.setattr("alic_tf.serving.servable.Servable.functions", lambda _: {"decode": None})
    with pytest.raises(KeyboardInterrupt):
        export.save(codec, tmp_path / "tiny" / "1", 1)
    assert not list((tmp_path / "tiny").iterdir())


def test_warm_up_requests_are_left_out_without_the_package(codec, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    assert not warmup.write(codec, tmp_path) and not list(tmp_path.iterdir())
