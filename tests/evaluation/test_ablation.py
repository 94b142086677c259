"""The ablation's command with trainings made up, a real training, and tables."""

import concurrent.futures
import contextlib
import json
import math

import pytest

from alic_tf import errors
from alic_tf.evaluation import (
    ablation,
    ablation_results,
    published,
    variant_training,
    workers,
)
from alic_tf.evaluation.rate_distortion import bd_rate
from alic_tf.evaluation.variants import COMPARISONS, VARIANTS
from alic_tf.networks import presets
from tests.training import tiny

LOSSES = {"paper": 2.0, "baseline": 2.5, "msrb": 2.2, "gaussian": 1.9, "ssm": 1.8}


def made_up(variant, seed=0):
    return {
        "variant": variant, "seed": seed, "commit": "c", "parameters": 1_250_000,
        "macs_per_pixel": {"encoder": 2000.0, "decoder": 1000.0}, "bpp": 0.5, "psnr": 30.0,
        "loss": LOSSES[variant] + 0.1 * seed, "steps": 20, "seconds_per_step": 0.25,
        "cpu_seconds_per_step": 0.125, "skipped": 0,
    }  # fmt: skip


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Runs the command without training anything; returns (exit code, what it trained)."""
    trained = []

    def train(settings, variant, seed, data, validation, folder):
        trained.append((variant, seed))
        if variant == "msrb":
            raise errors.AlicError("no memory left")
        return made_up(variant, seed)

    @contextlib.contextmanager
    def pool(jobs):
        def submit(function, *arguments):
            future = concurrent.futures.Future()
            try:
                future.set_result(function(*arguments))
            except errors.AlicError as error:
                future.set_exception(error)
            return future

        yield submit

    monkeypatch.setattr(variant_training, "train", train)
    monkeypatch.setattr(workers, "pool", pool)

    def run(*arguments):
        trained.clear()
        data = ["--data", str(tmp_path), "--validation", str(tmp_path)]
        command = ["ablation", *data, "--out", str(tmp_path / "out"), *arguments]
        return ablation.flags.main(ablation.run, command), list(trained)

    return run


def test_what_is_finished_is_not_repeated_and_what_failed_is(call, tmp_path, capsys):
    chosen = "--variants", "paper,msrb,baseline"
    assert call(*chosen) == (1, [("paper", 0), ("msrb", 0), ("baseline", 0)])
    assert "error: msrb-0: no memory left\n" in capsys.readouterr().err
    text = (tmp_path / "out" / ablation_results.MARKDOWN).read_text()
    assert "- msrb, seed 0: no memory left" in text and "| +25.0 % |" in text
    assert call(*chosen) == (1, [("msrb", 0)])
    assert call("--variants", "paper,gaussian", "--seeds", "0,3") == (
        0, [("gaussian", 0), ("paper", 3), ("gaussian", 3)]
    )  # fmt: skip
    result = ablation_results.read(tmp_path / "out" / ablation_results.RESULT)
    assert [(run["variant"], run["seed"]) for run in result["runs"]] == [
        ("paper", 0), ("baseline", 0), ("gaussian", 0), ("paper", 3), ("gaussian", 3)
    ]  # fmt: skip
    assert result["failed"] == [] and str(tmp_path) not in json.dumps(result)
    code, trained = call("--steps", "2000")
    assert (code, trained) == (2, [])
    assert "holds an ablation with another --steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--variants", "paper,all"], "no variant 'all'; there are: paper, baseline"),
        (["--seeds", "-1"], "--seeds must be whole numbers"),
        (["--data", "/nowhere"], "/nowhere: no such folder"),
        (["--data", ""], "give --data"),
        (["--patch", "100"], "multiple of 64"),
        (["--precision", "float64"], "float32 or mixed_bfloat16"),
        (["--rate", "nan"], "--rate must be more than 0"),
        (["--preset", "vgg"], "model must be one of"),
        (["--preset", "dwan"], "--set transform.encoder_blocks: no such switch"),
        (["--set", "transform.size=3"], "transform.size: no such switch"),
    ],
)
def test_bad_requests_are_one_line(call, tmp_path, capsys, arguments, cause):
    assert call(*arguments) == (2, [])
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.long
def test_a_training_in_a_worker(tmp_path):
    """Two steps of a small variant, in a process of its own; asked for again, it is there."""
    data = str(tiny.write_photographs(tmp_path / "data"))
    changes = {"transform.filters": 8, "transform.attention": False}
    settings = {"preset": "fu2022", "set": changes, "steps": 2, "batch": 1, "patch": 64,
                "rate": 1e-3, "precision": "float32"}  # fmt: skip
    arguments = settings, "baseline", 3, data, data, tmp_path / "run"
    with workers.pool(1) as submit:
        made = submit(variant_training.train, *arguments).result()
    model = presets.build("fu2022", {**changes, **VARIANTS["baseline"]})
    assert made["parameters"] == model.count_params()
    assert (made["variant"], made["seed"], made["steps"], made["skipped"]) == ("baseline", 3, 2, 0)
    # The mean over crops of the logarithm of the error is at most the logarithm of the mean.
    error = (made["loss"] - made["bpp"]) / model.lambdas[0]
    assert made["bpp"] > 0 and error >= 255**2 / 10 ** (made["psnr"] / 10) > 0
    assert made["macs_per_pixel"]["encoder"] > 0 and made["seconds_per_step"] > 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["seed"] == 3
    again = variant_training.train(*arguments)
    assert again == made


def test_what_goes_wrong_in_a_training_is_one_line(tmp_path):
    settings = {"preset": "fu2022", "set": {"transform.filters": "wide"}, "steps": 1, "batch": 1,
                "patch": 64, "rate": 1e-3, "precision": "float32"}  # fmt: skip
    with pytest.raises(errors.AlicError) as caught:
        variant_training.train(settings, "paper", 0, str(tmp_path), None, tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_speed_leaves_out_the_first_report_and_a_loss_that_is_not_finite_is_a_failure():
    reports = [{"step": 20 * i, "seconds": 30 + 5 * i, "cpu_seconds": 20 + i, "loss": 1.0,
                "skipped": i} for i in (1, 2, 3)]  # fmt: skip
    validation = {"step": 60, "validation": [[1, 0.25, 30.0], [2, 0.75, 34.0]]}
    rows = [*reports, validation | {"validation_loss": 0.5}]
    assert variant_training._reached(rows) == {
        "bpp": 0.5, "psnr": 32.0, "loss": 0.5, "steps": 60, "skipped": 3,
        "seconds_per_step": 0.25, "cpu_seconds_per_step": 0.05,
    }  # fmt: skip
    for loss in (None, math.nan, math.inf):
        with pytest.raises(errors.AlicError, match="not a finite number"):
            variant_training._reached([*reports, validation | {"validation_loss": loss}])


def test_tables():
    runs = [made_up(*run) for run in (("paper", 0), ("paper", 1), ("msrb", 0), ("ssm", 0))]
    runs[2]["macs_per_pixel"] = None
    result = {"settings": {"preset": "fu2022", "set": {"transform.pqf": False}, "steps": 20,
                           "batch": 4, "patch": 64, "rate": 1e-3, "precision": "float32"},
              "machine": "abacus", "runs": runs, "failed": []}  # fmt: skip
    modules, blocks, attention, mixture, context, parts = ablation_results.tables(result)
    assert len(modules.header) == 11 and "figure 7" in modules.header[-1]
    assert [row[:10] for row in modules.rows] == [
        ["MSRBs", "1.25", "", "", "0.500", "30.00", "2.2000", "+7.3 %", "0.250", "0.125"],
        ["MSRBs, importance map, post-quantization filter", "1.25", "2.0", "1.0", "0.500",
         "30.00", "2.0500 ± 0.0500", "+0.0 %", "0.250", "0.125"],
    ]  # fmt: skip
    assert context.rows[0][7] == "" and len(context.header) == len(context.rows[0]) == 10
    assert all(table.rows[0][7] == "+0.0 %" for table in (blocks, attention, mixture, parts))
    text = ablation_results.markdown(result)
    assert "`fu2022` with transform.pqf=false" in text and "seeds 0, 1" in text
    assert text.count("\n## ") == 6 and "abacus" in text


def test_published_differences_are_those_the_paper_tells_of():
    """Each module helps; a second and third block help the encoder more than the decoder."""
    for figure, order in (
        ("figure 7", ("paper", "msrb-importance", "msrb", "baseline")),
        ("figure 9", ("blocks-3-3", "paper", "blocks-1-1", "blocks-0-0")),
    ):
        curves = published.ablation(figure)
        assert set(curves) == set(order) <= set(VARIANTS)
        rates = [bd_rate(curves["paper"], curves[name]) for name in order]
        assert rates == sorted(rates) and rates[order.index("paper")] == 0
    named = {c.figure for c in COMPARISONS} - {""}
    assert named == {row["figure"] for row in published._rows("kodak_ablation")}
