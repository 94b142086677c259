"""From a trained entropy model to its integer counterpart."""

import numpy as np

from alic_tf.bitstream.quality_steps import STEPS_PER_QUALITY, quality_of_step
from alic_tf.entropy.exact_channel import ExactChannelModel
from alic_tf.entropy.exact_factorized import ExactFactorizedModel
from alic_tf.entropy.exact_masked import ExactMaskedModel
from alic_tf.entropy.exact_parallel import ExactParallelModel, QualityTables
from alic_tf.entropy.parallel_context import SMALLEST_SCALE
from alic_tf.networks.channel_entropy import ChannelEntropyModel
from alic_tf.networks.entropy_models import ParallelEntropyModel, SerialEntropyModel
from alic_tf.networks.factorized import FactorizedEntropyModel

# Integers in model files that training has no influence on. The tables differ where libraries of
# mathematics do, by the last unit.
_STRUCTURE = {"kind", "groups", "strides", "upsample", "flip", "activation", "window", "shifted",
              "inverse"}


def exact_class(model):
    """The class of the integer entropy model of a `CompressionModel`."""
    return _CONVERSIONS[type(model.entropy)][0]


def exact_model(model):
    """The integer entropy model of a built `CompressionModel`, an `ExactEntropyModel`."""
    return _CONVERSIONS[type(model.entropy)][1](model)


def restored(model, arrays):
    """The integer entropy model of a `CompressionModel`, from the arrays in its file.

    Raises:
        ValueError: they are not those of such a model.
    """
    expected = exact_model(model).arrays()
    if arrays.keys() != expected.keys():
        raise ValueError("the integer entropy model has other arrays than its layers")
    for name, array in arrays.items():
        other = expected[name]
        path = name.split("/")
        free = 0 if path[-1] in _STRUCTURE else 1 if path[0] == "tables" else np.inf
        if name != "prior/rows" and (
            array.shape != other.shape or np.any(np.abs(array - other.astype("float64")) > free)
        ):
            raise ValueError(f"{name} does not follow from the layers")
    return exact_class(model).from_arrays(arrays)


def _masked(model):
    entropy = model.entropy
    hyper = entropy.hyper_synthesis.layers_sequence
    return ExactMaskedModel.from_layers(entropy.prior, hyper, entropy.context)


def _parallel(model):
    entropy = model.entropy
    hyper = entropy.hyper_synthesis.layers_sequence
    steps = np.arange((model.qualities - 1) * STEPS_PER_QUALITY + 1)
    knots = model.knots(quality_of_step(steps).astype("float32"))
    units = np.broadcast_to(model.transform.unit(knots), (len(steps), 1, 1, model.latents))
    vectors = (units, entropy.hyper_inverse_gain(knots), entropy.hyper_bias(knots))
    vectors = [np.asarray(vector)[:, 0, 0] for vector in vectors]
    qualities = QualityTables.from_float(*vectors, SMALLEST_SCALE)
    return ExactParallelModel.from_layers(entropy.prior, qualities, hyper, entropy.context)


def _factorized(model):
    return ExactFactorizedModel.from_layer(model.entropy.prior)


def _channel(model):
    entropy = model.entropy
    hyper = entropy.mean_synthesis, entropy.scale_synthesis
    return ExactChannelModel.from_layers(entropy.prior, hyper, entropy.context)


# What a trained entropy model is coded with: the class, and how to make it.
_CONVERSIONS = {
    SerialEntropyModel: (ExactMaskedModel, _masked),
    ParallelEntropyModel: (ExactParallelModel, _parallel),
    FactorizedEntropyModel: (ExactFactorizedModel, _factorized),
    ChannelEntropyModel: (ExactChannelModel, _channel),
}
