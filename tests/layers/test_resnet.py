import keras
import numpy as np
import pytest

from alic_tf import errors
from alic_tf.layers.batch_normalized import NormalizedConvolution, ResidualDoubling
from alic_tf.layers.resnet import ResNet

X = np.random.default_rng(0).uniform(size=(1, 64, 96, 3)).astype("float32")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """(ResNet-50 of keras.applications with random weights, path of its weights)."""
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(None, None, 3))
    rng = np.random.default_rng(0)
    for variable in network.weights:
        if len(variable.shape) == 1:
            variable.assign(rng.uniform(0.2, 1, variable.shape))
    path = tmp_path_factory.mktemp("weights") / "resnet50.weights.h5"
    network.save_weights(path)
    return network, path


@pytest.mark.long
def test_features_are_those_of_keras_applications(pretrained):
    network, path = pretrained
    layer = ResNet((3, 4, 6, 3))
    layer.build(X.shape)
    layer.load_pretrained(path)
    expected = network(keras.applications.resnet.preprocess_input(255 * X))
    assert expected.shape == (1, 2, 3, 2048) and np.ptp(expected) > 0
    np.testing.assert_allclose(layer(X), expected, rtol=1e-3, atol=1e-4 * np.max(expected))
    assert layer.count_params() == network.count_params()


def test_other_weights_are_refused(pretrained, tmp_path):
    small = ResNet((1, 1, 1, 1), width=2)
    small.build(X.shape)
    with pytest.raises(errors.UsageError, match="width 64 and blocks .3, 4, 6, 3., .3, 4, 23, 3."):
        small.load_pretrained(pretrained[1])
    layer = ResNet((3, 4, 6, 3))
    (tmp_path / "text.h5").write_text("text")
    for path in ("missing.h5", tmp_path / "text.h5"):
        with pytest.raises(errors.UsageError, match="no weights of ResNet50"):
            layer.load_pretrained(path)


def test_sizes_are_rounded_up():
    small = ResNet((1, 2, 1, 1), width=2)
    assert small(X[:, :33, :65]).shape == (1, 2, 3, 64)


def test_normalized_convolution_uses_what_it_has_seen():
    """In training the statistics of the batch, else their moving averages."""
    layer = NormalizedConvolution(4, 3, upsample=2, slope=0.5)
    layer.build(X.shape)
    plain = np.asarray(layer.convolution(X))
    axes = (0, 1, 2)
    mean, variance = plain.mean(axes), plain.var(axes)

    def expected(mean, variance):
        x = (plain - mean) / np.sqrt(variance + 1.001e-5)
        return np.where(x > 0, x, 0.5 * x)

    model = keras.Sequential([keras.Input((None, None, 3)), layer])
    in_training = model(X, training=True)
    assert in_training.shape == (1, 128, 192, 4)
    np.testing.assert_allclose(in_training, expected(mean, variance), rtol=1e-3, atol=1e-4)
    moved = 0.1 * mean, 0.9 + 0.1 * variance
    np.testing.assert_allclose(model(X), expected(*moved), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("upsample", "filters"), [(1, 3), (2, 5)])
def test_block_adds_two_convolutions_to_its_shortcut(upsample, filters):
    block = ResidualDoubling(filters, upsample)
    y = np.asarray(block(X))
    first, second = block.trunk
    shortcut = block.shortcut[0](X) if upsample == 2 else X
    np.testing.assert_allclose(y, shortcut + second(first(X)), rtol=1e-5, atol=1e-6)
    assert y.shape == block.compute_output_shape(X.shape)
    assert first.convolution.filters == 3 and y.shape[1:] == (64 * upsample, 96 * upsample, filters)


def test_saved_and_loaded_layers_are_the_same(tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), ResNet((1, 1, 1, 1), 2),
                              ResidualDoubling(3, 2)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(X), model(X))
