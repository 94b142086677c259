"""The command `alic`: several files, trees of folders, JSON; all commands are there."""

import json
import math
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import alic_tf
from alic_tf import __main__ as alic
from alic_tf import metrics, zoo
from alic_tf.networks import presets
from alic_tf.pictures import images
from tests.tiny_models import tiny_dwan

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 30, 3), "uint8").repeat(2, 0).repeat(2, 1)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder in which `dwan` is a tiny model."""
    folder = tmp_path_factory.mktemp("shipped")
    zoo.export(tiny_dwan(), "dwan", folder / "dwan" / zoo.MODEL_FILE)
    return folder


@pytest.fixture
def run(shipped, tmp_path, monkeypatch, capsys):
    """Runs `alic` in tmp_path with the tiny model; returns exit code, stdout and stderr."""
    monkeypatch.setattr(zoo, "SHIPPED", shipped)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = alic.main(["alic", *arguments])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def tree(tmp_path):
    """photos/: a picture, a text; in it sub/ with a picture; an empty folder and a link to sub."""
    for name in ("photos/a.png", "photos/sub/b.png"):
        images.write(tmp_path / name, PIXELS)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    (tmp_path / "photos" / "empty").mkdir()
    (tmp_path / "photos" / "link").symlink_to("sub")


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_trees_are_mirrored_and_what_is_skipped_is_named(run, tmp_path, tree):
    code, out, err = run("encode", "photos", "-r", "-o", "out", "-q", "2")
    assert code == 0 and "average of 2 pictures" in out
    assert err == "skipped: photos/link\nskipped: photos/notes.txt\n"
    assert files(tmp_path / "out") == {"a.alic", "sub/b.alic"}
    assert alic_tf.info(tmp_path / "out" / "sub" / "b.alic")["quality"] == 2
    code, _, err = run("decode", "out", "--recursive", "--output", "back", "--format", "webp")
    assert (code, err) == (0, "") and files(tmp_path / "back") == {"a.webp", "sub/b.webp"}
    code, out, err = run("encode", "photos", "--output", "flat")
    assert (code, err) == (0, "") and files(tmp_path / "flat") == {"a.alic"}


def test_several_files_and_folders_at_once(run, tmp_path, tree):
    images.write(tmp_path / "c.png", PIXELS)
    code, out, err = run("encode", "c.png", "photos", "-o", "out", "-j", "2")
    assert (code, err) == (0, "") and files(tmp_path / "out") == {"a.alic", "c.alic"}
    assert [line.split(":")[0] for line in out.splitlines()[:2]] == ["out/c.alic", "out/a.alic"]
    code, out, _ = run("info", "out/a.alic", "out/c.alic")
    assert code == 0 and [line.split(":")[0] for line in out.splitlines()] == [
        "out/a.alic", "out/c.alic"]  # fmt: skip
    for arguments, cause in (
        (("photos/a.png", "photos/sub/b.png", "-o", "x.alic"), "x.alic: one file for several"),
        (("photos/a.png", "photos/a.png", "-o", "x"), "would have the same output"),
        (("photos/a.png", "-"), "- does not go with other files"),
        (("photos/a.png", "c.png", "--output", "-"), "do not fit into standard output"),
        ((), "give a file or a folder"),
    ):
        code, out, err = run("encode", *arguments)
        assert (code, out) == (2, "") and cause in err and err.count("\n") == 1


def test_json_is_an_object_per_file(run, tmp_path, tree):
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    code, out, err = run("encode", "photos", "-o", "out", "--json", "--verify")
    bad, good = map(json.loads, (line for line in sorted(out.splitlines(), key=len)))
    assert code == 1 and "1 of 2 files failed" in err
    assert bad == {"input": "photos/bad.png", "output": "out/bad.alic",
                   "error": "not an image that can be read"}  # fmt: skip
    data = (tmp_path / "out" / "a.alic").read_bytes()
    psnr = metrics.psnr(PIXELS, alic_tf.decode(data))
    expected = {"input": "photos/a.png", "output": "out/a.alic", "model": "dwan", "quality": 4.0,
                "width": 60, "height": 40, "bytes": len(data), "ms_ssim": None}  # fmt: skip
    assert good | expected == good and math.isclose(good["psnr"], psnr, abs_tol=1e-2)
    _, out, _ = run("info", "out/a.alic", "--json")
    assert json.loads(out) == {"input": "out/a.alic", **alic_tf.info(data)}
    _, out, _ = run("decode", "out/a.alic", "--json")
    assert json.loads(out)["output"] == "out/a.png" and (tmp_path / "out" / "a.png").is_file()
    _, out, _ = run("models", "--json")
    first, *others = map(json.loads, out.splitlines())
    assert first | {"name": "dwan", **alic_tf.models()["dwan"]} == first
    assert {other["name"] for other in others} == presets.PRESETS.keys() - {"dwan"}
    assert all(other["id"] is None for other in others)


def test_quiet_prints_what_is_wrong_alone(run, tmp_path, tree):
    code, out, err = run("encode", "photos", "-r", "-o", "out", "--quiet")
    assert (code, out, err) == (0, "", "") and len(files(tmp_path / "out")) == 2
    (tmp_path / "out" / "bad.alic").write_bytes(b"ALIC")
    code, out, err = run("decode", "out", "--quiet")
    assert (code, out) == (1, "") and "bad.alic: truncated" in err


def test_a_dry_run_checks_and_writes_nothing(run, tmp_path, tree):
    before = files(tmp_path)
    code, out, err = run("encode", "photos", "-r", "-o", "out", "--dry-run", "--quality=3")
    assert code == 0
    assert out == "photos/a.png -> out/a.alic\nphotos/sub/b.png -> out/sub/b.alic\n"
    code, out, _ = run("encode", "photos", "-o", "out", "--dry_run", "--json")
    assert json.loads(out) == {"input": "photos/a.png", "output": "out/a.alic"}
    assert files(tmp_path) == before and not (tmp_path / "out").exists()
    (tmp_path / "photos" / "a.alic").write_bytes(b"precious")
    code, out, err = run("encode", "photos", "--dry-run")
    assert (code, out) == (2, "") and "photos/a.alic: exists" in err


@pytest.mark.parametrize(("words", "cause"), [
    (["--model", "fu2022-gllmm"], "error: fu2022-gllmm comes without weights: train them (alic "
     "train --model fu2022-gllmm --data PHOTOGRAPHS --export FOLDER) or import a checkpoint"),
    (["--num_filters", "256"], "error: fu2022-256 comes without weights"),
    (["--num_filters", "64"], "error: --num_filters must be 128 or 256, not 64"),
    (["--num_filters", "128", "--model", "dwan"], "error: --num_filters is 128, but dwan has 8"),
])
def test_models_without_weights_say_how_to_come_by_them(run, tree, words, cause):
    code, _, err = run("encode", "photos/a.png", *words)
    assert code == 2 and err.startswith(cause) and err.count("\n") == 1
    assert run("encode", "photos/a.png", "--model", "dwan", "--num_filters", "8")[0] == 0


@pytest.mark.parametrize(("arguments", "code", "text"), [
    ([], 0, "usage: alic COMMAND"),
    (["--help"], 0, "usage: alic COMMAND"),
    (["--version"], 0, f"alic_tf {alic_tf.__version__}\n"),
    (["encoed"], 2, "unknown command 'encoed'; did you mean encode?"),
    (["x"], 2, "unknown command 'x'; there are: encode, decode, info, models, train, evaluate"),
    (["encode", "--qualty", "3"], 2, "unknown flag --qualty; did you mean --quality?"),
    (["models", "dwan"], 2, "unexpected argument 'dwan'"),
])  # fmt: skip
def test_the_front_door(run, arguments, code, text):
    result, out, err = run(*arguments)
    assert result == code and text in (out if code == 0 else err)


@pytest.mark.parametrize("command", alic.COMMANDS)
def test_every_command_has_help_that_answers_without_tensorflow(command):
    program = (
        "import sys; from alic_tf.__main__ import main; "
        f"code = main(['alic', {command!r}, '--help']); "
        "assert not {'tensorflow', 'keras'} & set(sys.modules); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: alic {command} ")


def test_the_installed_command_is_this_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["alic"].split(":")
    assert (module, getattr(alic, function)) == (alic.__name__, alic.main)


def test_pictures_against_each_other(run, tmp_path):
    noisy = np.clip(PIXELS.astype(int) + RNG.integers(-9, 10, PIXELS.shape), 0, 255).astype("uint8")
    for name, pixels in (("A/a.png", PIXELS), ("A/b.png", PIXELS), ("B/a.bmp", noisy),
                         ("B/b.png", PIXELS)):  # fmt: skip
        images.write(tmp_path / name, pixels)
    code, out, err = run("evaluate", "--reference", "A", "--distorted", "B", "--json")
    first, second, mean = map(json.loads, out.splitlines())
    error = np.mean((PIXELS.astype(float) - noisy) ** 2)
    assert (code, err) == (0, "") and (first["name"], second["name"]) == ("a.bmp", "b.png")
    assert first["psnr"] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-5)
    assert (second["psnr"], second["ssim"], second["ms_ssim"]) == (None, 1.0, None)
    assert mean["psnr"] == first["psnr"] and mean["ssim"] == (1 + first["ssim"]) / 2
    code, out, _ = run("evaluate", "--reference", "A/a.png", "--distorted", "B/a.bmp")
    assert out == f"a.bmp: PSNR {first['psnr']:.2f} dB, SSIM {first['ssim']:.4f}\n"
    images.write(tmp_path / "B" / "a.bmp", PIXELS[:9])
    code, out, err = run("evaluate", "--reference", "A", "--distorted", "B")
    assert code == 1 and "a.bmp: differs in size from its reference: 60x40 and 60x9" in err
    (tmp_path / "B" / "a.bmp").unlink()
    for arguments, cause in (
        (("--reference", "A", "--distorted", "B"), "A/a.png: has no counterpart"),
        (("--reference", "A"), "--reference and --distorted go together"),
        (("--reference", "A", "--distorted", "B", "--data", "A"), "--data does not go with"),
        (("--reference", "A", "--distorted", "none"), "none: no such file or folder"),
        (("--reference", "A", "--distorted", "B/b.png"), "two pictures or two folders"),
    ):
        code, out, err = run("evaluate", *arguments)
        assert (code, out) == (2, "") and cause in err and err.count("\n") == 1


@pytest.mark.usefixtures("step_by_step")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_a_training_run_is_evaluated_as_it_is(run, tmp_path):
    images.write(tmp_path / "data" / "a.png", np.tile(PIXELS, (4, 3, 1)))
    tiny = ["transform.filters=8", "transform.latents=16", "transform.analysis_units=[1]",
            "transform.synthesis_units=[1]", "entropy.context=checkerboard", "entropy.groups=[16]",
            "entropy.hyper_filters=8", "entropy.hyper_latents=8", "entropy.width=8",
            "lambdas=[0.01]"]  # fmt: skip
    changes = [word for change in tiny for word in ("--set", change)]
    code, _, err = run("train", "--data", "data", "--steps", "1", "--batch", "1", "--patch", "64",
                       "--out", "runs/mine", *changes)  # fmt: skip
    assert code == 0, err
    code, out, err = run("evaluate", "--data", "data", "--codecs", "runs/mine", "-o", "report")
    assert code == 0 and out == "report/report.html: mine\n", err
    result = json.loads((tmp_path / "report" / "mine.json").read_text())
    assert result["pictures"] == 1 and result["averages"][0]["bpp"] > 0
