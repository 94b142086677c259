"""The command as its users start it: flags, speed of answers, no traceback."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from alic_tf import zoo
from alic_tf.bitstream import container

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "encoder_decoder.py")]


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60)


def test_help_names_every_flag_of_this_program_and_no_other():
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    names = re.findall(r"^  (?:-\w, )?--(\w+)", result.stdout, re.MULTILINE)
    expected = """encode decode info output model num_filters quality target_bpp max_bytes
        target_psnr effort drop_metadata alpha verify report overwrite jobs recursive json quiet
        dry_run format output_quality max_side max_pixels help"""
    assert names == expected.split()
    assert run("-h").stdout == result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ([], "give one of --encode, --decode and --info"),
        (["--encode", "a", "--decode", "b"], "give one of"),
        (["--info"], "give one of"),
        (["--encode"], "argument --encode: expected one argument"),
        (["--encode="], "a path is empty"),
        (["--encode", "a", "--output", ""], "a path is empty"),
        (["a.png"], "unexpected argument 'a.png'"),
        (["--encode", "a", "b"], "unexpected argument 'b'"),
        (["--encode", "a", "--qualty", "3"], "unknown flag --qualty; did you mean --quality?"),
        (["--encode", "a", "--quality", "0.9"], "--quality must be from 1, not 0.9"),
        (["--encode", "a", "--quality", "nan"], "--quality must be a number"),
        (["--encode", "a", "--target_psnr", "nan"], "--target_psnr must be a number"),
        (["--encode", "a", "--target_bpp", "1", "--max_bytes", "9"], "--target_bpp does not go"),
        (["--encode", "a", "--quality", "3", "--max_bytes", "9"], "--quality does not go with"),
        (["--encode", "a", "--max_bytes", "0"], "--max_bytes"),
        (["--decode", "a", "--jobs", "0"], "--jobs"),
        (["--decode", "a", "--output_quality", "101"], "--output_quality"),
        (["--encode", "README.md", "--alpha", "gif"], "--alpha must be webp or png, not 'gif'"),
        (["--encode", "a", "--format", "jpg"], "--format does not go with --encode"),
        (["--encode", "a", "--quality", "high"], "--quality must be a number, not 'high'"),
        (["--decode", "a", "--quality", "3"], "--quality does not go with --decode"),
        (["--decode", "a", "--verify"], "--verify does not go with --decode"),
        (["--info", "a", "--output", "b"], "--output does not go with --info"),
        (["--info", "--encode", "a"], "--info does not go with --encode"),
        (["--decode", "a", "--max_pixels", "0"], "--max_pixels"),
        (["--encode", "missing.png"], "missing.png: no such file or folder"),
        (["--decode", "missing.alic"], "missing.alic: no such file or folder"),
        (["--encode", str(ROOT / "README.md"), "--output", "/proc/a.alic"], "/proc: cannot write"),
        (["--encode", str(ROOT / "README.md"), "--quality", "99"], "from 1 to 8 for dwan, not 99"),
    ],
)
def test_usage_errors_are_one_line_and_exit_with_2(arguments, cause):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert cause in result.stderr
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("action", ["--encode", "--info"])
def test_data_errors_exit_with_1_before_a_model_is_loaded(tmp_path, action):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    result = run(action, str(text))
    assert (result.returncode, result.stdout) == (1, "")
    assert f"{text}: not an" in result.stderr and result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["text.png"]


@pytest.mark.skipif("dwan" not in zoo.names(), reason="dwan is not there")
def test_what_goes_well_is_silent_on_stderr(tmp_path):
    """No warning of a library reaches the user."""
    photo = Image.open(ROOT / "docs" / "images" / "demo.png").crop((60, 60, 252, 252))
    photo.save(tmp_path / "photo.png")
    for arguments in (["--encode", "photo.png", "--verify"], ["--decode", "photo.alic", "--output",
                                                              "again.png"]):
        result = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True,
                                cwd=tmp_path, timeout=120)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.count("\n") == 1


@pytest.mark.parametrize("program", ["encoder_decoder.py", "train_tf.py"])
@pytest.mark.parametrize("flags", [["-I"], ["-P"]])
def test_the_package_beside_the_program_is_found(tmp_path, program, flags):
    """Also where Python does not look beside the program (-P is PYTHONSAFEPATH)."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run([sys.executable, *flags, str(ROOT / program), "--help"], cwd=tmp_path,
                            env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "") and "usage" in result.stdout


@pytest.mark.parametrize("flag", ["--encode", "--decode"])
def test_a_truncated_model_is_named(tmp_path, flag):
    model = tmp_path / zoo.MODEL_FILE
    model.write_bytes(b"PK\x03\x04 half of a model")
    source = {"--encode": "photo.png", "--decode": "photo.alic"}[flag]
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    (tmp_path / "photo.alic").write_bytes(container.pack(container.Header(b"none", 8, 8), b"0"))
    result = run(flag, str(tmp_path / source), "--output", str(tmp_path / "out.png"), "--model",
                 str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"error: {model}: is not a model file, or a damaged one\n"


def test_a_broken_pipe_is_one_line():
    """The program says so, and Python adds no traceback when it exits."""
    program = (
        "import sys, os; from alic_tf import flags; from alic_tf.command import batch; "
        "reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1); "
        "sys.exit(flags.main(lambda argv: batch.write(batch.STDOUT, bytes(10 ** 6)), []))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: stdout: cannot be written: Broken pipe\n"


ANSWERS = [
    ["--help"],
    ["--encode", "missing.png"],
    ["--decode", "missing.alic"],
    ["--quality", "99"],
    ["--encode", str(ROOT / "LICENSE"), "--output", str(ROOT / "README.md")],
]


@pytest.mark.parametrize("arguments", ANSWERS)
def test_answers_take_less_than_half_a_second(arguments):
    def seconds():
        """Processor time of the command: unlike the clock, it does not depend on other jobs."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Again where the machine is busy, which costs processor time, too.
    assert any(seconds() < 0.5 for _ in range(10))


@pytest.mark.parametrize("arguments", ANSWERS)
def test_answers_come_without_tensorflow(arguments):
    program = (
        "import sys; from alic_tf.command import encoder_decoder; "
        f"encoder_decoder.main(['encoder_decoder.py', *{arguments!r}]); "
        "print([name for name in ('tensorflow', 'keras', 'rich') if name in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert result.stdout.splitlines()[-1] == "[]", result.stderr
