"""A checkpoint written by TensorFlow 1 itself, as a model of ours, against the authors' numbers."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

import alic_tf
from alic_tf import errors, flags, storage, zoo
from alic_tf.command import import_tf1 as cli
from alic_tf.original import checkpoints, tf1_scopes
from tests.golden import DATA, load, relative_error

CHECKPOINT = DATA / "fu2022_gmm_n16_tf1_checkpoint" / "model.ckpt-1500001"
GOLDEN = load("fu2022_gmm_n16")
QUALITY = np.ones(1, "float32")
CONTEXT = "entropy_parameter"


@pytest.fixture(scope="module")
def variables():
    return checkpoints.read_checkpoint(CHECKPOINT)


@pytest.fixture(scope="module")
def model(variables):
    return checkpoints.build(variables, lmbda=0.0016)


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command line; returns (exit code, stdout, stderr)."""
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")  # restored, for it sets this

    def run(*arguments):
        code = flags.main(cli.run, ["alic import", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def save(variables, prefix):
    """Writes a checkpoint as TensorFlow 1 does."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in variables.items():
            tf.compat.v1.get_variable(name, initializer=value, use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(prefix), write_meta_graph=False)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_fourier_matrices(size):
    np.testing.assert_allclose(checkpoints.irdft_matrix(size), load("irdft")[f"{size}x{size}"],
                               atol=1e-7)


def test_effective_weights(variables):
    """Including those below the bounds of beta and gamma; kernels to the last bit."""
    expected = {name.removeprefix("eff/"): value for name, value in GOLDEN.items()
                if name.startswith("eff/")}
    names = tf1_scopes.renumber(expected)
    arrays = checkpoints.effective(variables)
    assert len(expected) == 388
    for name, value in expected.items():
        actual = arrays[names[name]].reshape(value.shape)
        if name.endswith("kernel"):
            np.testing.assert_array_equal(actual, value)
        elif not name.endswith("masked/weights"):  # the layer does the masking
            np.testing.assert_allclose(actual, value, rtol=1e-6, atol=1e-11)


def test_the_model_is_the_authors(model):
    assert model.get_config()["lambdas"] == (0.0016,)
    y, z = model.analyze(GOLDEN["x"], QUALITY)
    assert np.abs(y - GOLDEN["act/y"]).max() < 1e-4
    np.testing.assert_array_equal(np.round(y), GOLDEN["act/y_hat"])
    z_tilde = np.round(z) + np.asarray(model.entropy.prior.medians)
    np.testing.assert_array_equal(z_tilde, GOLDEN["act/z_tilde_decompressed"])
    mixture = model.entropy.distribution(z_tilde, GOLDEN["act/y_hat"])
    for actual, name in zip(mixture[1:], ("probs", "means", "scales")):
        actual = np.exp(actual) if name == "probs" else actual
        assert relative_error(actual, GOLDEN[f"act/{name}"]) < 1e-5
    _, likelihoods = model.entropy.prior(z_tilde)
    np.testing.assert_allclose(likelihoods, GOLDEN["act/z_likelihoods"], rtol=1e-3, atol=1e-7)
    image = model.synthesize(GOLDEN["act/y_hat"], QUALITY)
    assert np.abs(image - GOLDEN["act/x_hat"]).max() < 1e-4


def test_command_makes_a_model_that_codes_files(command, tmp_path):
    folder = tmp_path / "fu2022_0016"
    code, out, _ = command("--checkpoint", CHECKPOINT, "--num_filters", 16, "--mixture", "gmm",
                           "--lambda", 0.0016, "--out", folder)
    assert code == 0 and "16 channels" in out
    configuration = storage.read_configuration(folder / zoo.MODEL_FILE)
    assert configuration["lambdas"] == [0.0016] and configuration["name"] == "fu2022_0016"
    codec = alic_tf.load(folder)
    image = np.round(255 * GOLDEN["x"][0]).astype("uint8")
    data = codec.encode(image)
    np.testing.assert_array_equal(codec.latents(data)["latent"], GOLDEN["act/y_hat"][0])
    expected = np.clip(np.round(255 * GOLDEN["act/x_hat"][0]), 0, 255)
    assert np.abs(codec.decode(data) - expected).max() <= 1
    # Nearly as small as the authors' own two files.
    assert len(data) < 1.1 * (78 + 1081)


def test_gllmm_other_counters_and_optimizer(variables, tmp_path):
    """The checkpoint of a training that built other graphs first."""
    shapes = {"masked/weights": (5, 5, 16, 32), "masked/biases": (32,),
              "layer_0/signal_conv2d/kernel": (1, 1, 64, 640),
              "layer_0/signal_conv2d/bias": (640,),
              "layer_1/signal_conv2d/kernel": (1, 1, 640, 1280),
              "layer_1/signal_conv2d/bias": (1280,),
              "layer_2/signal_conv2d/kernel": (1, 1, 1280, 480)}
    rng = np.random.default_rng(0)
    context = {f"{CONTEXT}/{name}": rng.normal(size=shape).astype("float32")
               for name, shape in shapes.items()}
    changed = {name: value for name, value in variables.items() if not name.startswith(CONTEXT)}
    changed |= context
    renamed = {}
    for name, value in changed.items():
        for number in (2, 1, 0):
            old = f"Heatmap/residual_block_{number}/" if number else "Heatmap/residual_block/"
            name = name.replace(old, f"Heatmap/residual_block_{9 + number}/")
        name = name.replace("/signal_conv2d/", "/signal_conv2d_4/")
        renamed[name.replace("entropy_bottleneck/", "entropy_bottleneck_1/")] = value
    assert not renamed.keys() & {"analysis/Heatmap/residual_block/conv0/signal_conv2d/bias"}
    slots = {f"{name}/Adam": value for name, value in renamed.items() if "Heatmap" in name}
    save({**renamed, **slots, "beta1_power": np.float32(0.5)}, tmp_path / "model.ckpt-7")

    read = checkpoints.read_checkpoint(tmp_path / "model.ckpt-7")
    assert checkpoints.configuration_of(read) == (16, "gllmm")
    model = checkpoints.build(read)
    for variable, value in zip(model.entropy.context.weights, context.values(), strict=True):
        np.testing.assert_array_equal(variable, value)
    y, _ = model.analyze(GOLDEN["x"], QUALITY)
    np.testing.assert_array_equal(np.round(y), GOLDEN["act/y_hat"])


def test_numbers_order_scopes_as_numbers():
    names = [f"a/residual_block{n}/b" for n in ("", "_2", "_10")] + ["c/residual_block_10/b"]
    assert list(tf1_scopes.renumber(names).values()) == [
        "a/residual_block/b", "a/residual_block_1/b", "a/residual_block_2/b", "c/residual_block/b"]


@pytest.mark.parametrize("arguments, code, cause", [
    (["--checkpoint", CHECKPOINT, "--num_filters", 128], 2, "has --num_filters 16, not 128"),
    (["--checkpoint", CHECKPOINT, "--mixture", "gllmm"], 2, "has --mixture gmm, not gllmm"),
    (["--checkpoint", "nowhere/model.ckpt"], 2, "nowhere/model.ckpt.index: no such checkpoint"),
    ([], 2, "--checkpoint is missing"),
    (["--checkpoint", CHECKPOINT, "stray"], 2, "stray"),
    (["--checkpoint", CHECKPOINT, "--read-original", "only_one"], 2, "only_one"),
])
def test_wrong_requests(command, tmp_path, arguments, code, cause):
    actual, _, err = command(*arguments, "--out", tmp_path / "new")
    assert actual == code and cause in err and err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_an_existing_model_stays(command, tmp_path):
    (tmp_path / zoo.MODEL_FILE).write_text("precious")
    code, _, err = command("--checkpoint", CHECKPOINT, "--out", tmp_path)
    assert code == 2 and "--overwrite" in err
    assert (tmp_path / zoo.MODEL_FILE).read_text() == "precious"


def drop(variables):
    del variables["synthesis/NLAB_1/conv_1x1/signal_conv2d/bias"]
    del variables["entropy_bottleneck/quantiles"]


def reshape(variables):
    variables["hyper_analysis/layer_0/signal_conv2d/bias"] = np.zeros(8, "float32")


def add(variables):
    name = "synthesis/multiply_residual_block1/conv_1x1/signal_conv2d/bias"
    variables[name] = np.zeros(16, "float32")


@pytest.mark.parametrize("change, cause", [
    (drop, "missing: synthesis/NLAB_1/conv_1x1/signal_conv2d/bias, entropy_bottleneck/medians"),
    (reshape, r"hyper_analysis/layer_0/signal_conv2d/bias \(8,\) instead of \(16,\)"),
    (add, "another model: synthesis/multiply_residual_block1/conv_1x1/signal_conv2d/bias"),
])
def test_variables_of_other_models(variables, change, cause):
    changed = dict(variables)
    change(changed)
    with pytest.raises(errors.Malformed, match=cause):
        checkpoints.build(changed)


def test_checkpoint_of_another_program(command, tmp_path):
    save({"conv/kernel": np.zeros((3, 3), "float32")}, tmp_path / "model.ckpt")
    code, _, err = command("--checkpoint", tmp_path / "model.ckpt", "--out", tmp_path / "new")
    assert code == 1 and err.count("\n") == 1
    assert "model.ckpt: variables are missing: entropy_parameter/masked/biases, " in err


@pytest.mark.parametrize("part, damage", [
    (".index", lambda data: data[: len(data) // 2]),
    (".data-00000-of-00001", lambda data: data[: len(data) // 2]),
    (".data-00000-of-00001", None),
])
def test_damaged_checkpoints(command, tmp_path, part, damage):
    for file in CHECKPOINT.parent.glob(f"{CHECKPOINT.name}.*"):
        shutil.copy(file, tmp_path)
    path = tmp_path / f"{CHECKPOINT.name}{part}"
    if damage:
        path.write_bytes(damage(path.read_bytes()))
    else:
        path.unlink()
    code, _, err = command("--checkpoint", tmp_path / CHECKPOINT.name, "--out", tmp_path / "new")
    assert code == 1 and err.count("\n") == 1 and "not a readable checkpoint" in err


def test_help(command):
    code, out, _ = command("--help")
    assert code == 0 and "--read-original HEADER_FILE Y_FILE" in out
