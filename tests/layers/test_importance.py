import numpy as np
import pytest

from alic_tf.layers.importance import ImportanceMap
from tests.golden import Weights, load, relative_error


def test_importance_equals_original():
    golden = load("fu2022_gmm_n16")
    layer = ImportanceMap(16)
    x = golden["act/analysis/multiply_residual_block3"]
    layer.build(x.shape)
    Weights(golden).importance(layer, "analysis/Heatmap")
    expected = golden["act/analysis/importance/tensor_heatmap"]
    assert relative_error(layer(x), expected) < 1e-5


@pytest.mark.parametrize("normalization", ["gdn", "ln_prelu"])
def test_shape_and_range_at_odd_sizes(normalization):
    layer = ImportanceMap(6, normalization)
    x = 1e3 * np.random.default_rng(0).normal(size=(1, 7, 9, 4)).astype("float32")
    y = layer(x).numpy()
    assert y.shape == layer.compute_output_shape(x.shape) == (1, 4, 5, 6)
    assert np.all(np.abs(y) <= 0.5) and np.abs(y).max() > 0.4
