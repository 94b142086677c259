"""Models of every switch learn: the light ones, the paper's with its mixture, its ablations."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from alic_tf.networks import presets
from alic_tf.networks.initialization import initialize
from alic_tf.training import run
from tests import tiny_models
from tests.training import tiny

MODELS = {
    "dwan": None,
    "light": tiny_models.TINY_LIGHT,
    "paper": {"transform.filters": 8, "transform.encoder_blocks": 0, "lambdas": [0.02]},
    "hcnn, ln_prelu, gllmm, no pqf": {
        **tiny.BARE, "transform.block": "hcnn", "transform.normalization": "ln_prelu",
        "transform.encoder_blocks": 1, "transform.decoder_blocks": 2, "entropy.mixture": "gllmm",
        "transform.pqf": False,
    },
    "checkerboard, dwan, gaussian": {
        **tiny.BARE, "entropy.hyper_filters": 8, "entropy.width": 8,
        "entropy.context": "checkerboard", "transform.importance": "dwan",
    },
    "resgdn, prelu": {"transform.filters": 8, "transform.activation": "prelu"},
    "qae": {**tiny_models.TINY_QAE, "transform.width": 8},
}  # fmt: skip


# Their graphs take long to make. The paper's blocks train in an ablation, too.
LONG = "paper", "light", "qae"


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in MODELS])
def test_the_loss_falls_within_20_steps(name):
    keras.utils.set_random_seed(0)
    crops = np.stack([photograph[:64, :64] for photograph in tiny.photographs(2)])
    if name == "dwan":
        model = presets.build("dwan", {**tiny.PACKET, "entropy.context": "ssm"})
        initialize(model.transform, crops)
    else:
        preset = name.split(",")[0]
        preset = preset if preset in presets.PRESETS else "fu2022"
        model = presets.build(preset, MODELS[name])
    data = crops, np.array([1, model.qualities], "float32")
    # This one begins with what the others must learn.
    rate = 1e-2 if name == "dwan" else 3e-3
    training_model = run.compiled(model, replace(tiny.SETTINGS, rate=rate))
    losses = []
    for _ in range(20):
        training_model.reset_metrics()
        losses.append(training_model.train_on_batch(data, return_dict=True)["loss"])
    assert np.isfinite(losses).all() and int(training_model.optimizer.skipped) == 0
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
