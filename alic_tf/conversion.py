"""From a trained entropy model to its integer counterpart."""

import numpy as np

from alic_tf.entropy.exact_masked import ExactMaskedModel
from alic_tf.entropy.exact_parallel import ExactParallelModel, ExactPass, QualityTables
from alic_tf.entropy.factorized import FactorizedTables
from alic_tf.entropy.fixed_point import FixedPointConvolution
from alic_tf.entropy.parallel_context import SMALLEST_SCALE
from alic_tf.entropy.tables import IntegerTables
from alic_tf.models.entropy_models import SerialEntropyModel

# Steps of the quality between two whole ones, as many as a file can tell apart.
STEPS_PER_QUALITY = 8


def quality_of_step(step):
    """Real quality, from 1, of a whole step, from 0."""
    return 1.0 + step / STEPS_PER_QUALITY


def step_of_quality(quality, qualities):
    """Nearest step of a real quality, which is brought into 1..qualities first."""
    quality = min(max(float(quality), 1.0), float(qualities))
    return round((quality - 1.0) * STEPS_PER_QUALITY)


def exact_model(model):
    """The integer entropy model of a built `Asymmetric` model, an `ExactEntropyModel`."""
    entropy = model.entropy
    convert = FixedPointConvolution.from_layer
    prior, tables = FactorizedTables.from_layer(entropy.prior), IntegerTables.generate()
    hyper = [convert(layer) for layer in entropy.hyper_synthesis.layers_sequence]
    if isinstance(entropy, SerialEntropyModel):
        parameters = [convert(layer) for layer in entropy.context.layers_sequence]
        return ExactMaskedModel(
            entropy.mixture, prior, tables, hyper, convert(entropy.context.masked), parameters
        )
    steps = np.arange((model.qualities - 1) * STEPS_PER_QUALITY + 1)
    knots = model.knots(quality_of_step(steps).astype("float32"))
    units = np.broadcast_to(model.transform.unit(knots), (len(steps), 1, 1, model.latents))
    vectors = (units, entropy.hyper_inverse_gain(knots), entropy.hyper_bias(knots))
    vectors = [np.asarray(vector)[:, 0, 0] for vector in vectors]
    qualities = QualityTables.from_float(*vectors, SMALLEST_SCALE)
    passes = [ExactPass.from_layer(layer) for layer in entropy.context.passes]
    return ExactParallelModel(prior, tables, qualities, entropy.groups, hyper, passes)
