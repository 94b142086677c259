"""The model to train, from a preset or a model file and changes of it, with clear errors."""

import inspect
import math
import textwrap

from alic_tf import errors, storage, zoo
from alic_tf.networks import presets
from alic_tf.networks.compression_model import ENTROPY_MODELS, TRANSFORMS, CompressionModel
from alic_tf.networks.quantized_transform import MOST_BITS
from alic_tf.networks.variables import named_variables

# Fu et al., section IV-A: for N = 128 and for N = 256; their MSE lambdas are all far below 1.
_MS_SSIM_LAMBDAS = ((12.0, 40.0), (80.0, 120.0))
# Those of ICWEM, each beside the MSE lambda that gives about the same rate.
_ICWEM_MS_SSIM_LAMBDAS = dict(zip(presets.ICWEM_LAMBDAS, (3.0, 8.0, 16.0, 36.0, 64.0)))
# Of the residual GDN autoencoder, which weighs distortion and rate by 0.9 and 0.1.
_MAE_LAMBDA = 9.0

# Arguments of the parts that the model itself derives from others.
_DERIVED = {"kwargs", "lambdas"}
_DERIVED_OF_ENTROPY = {*_DERIVED, "latents", "qualities", "switches"}


def configuration(preset, changes, start=None, metric="mse"):
    """As `presets.configuration`, for changes that a user asks for.

    Args:
        preset: name of the preset.
        changes: dictionary from dotted paths to values.
        start: path of a model file whose configuration is to be changed instead, or None.
        metric: see `RateDistortion`; but for "mse", lambdas that are meant for that are replaced.

    Raises:
        UsageError: unknown preset or switch; the message lists those there are.
        UnknownModel: the file is none of a model.
    """
    try:
        base = _stored(start) if start else presets.configuration(preset)
    except ValueError as error:
        raise errors.UsageError(str(error)) from error
    allowed = _switches(
        changes.get("transform.kind", base["transform"]["kind"]),
        changes.get("entropy.context", base["entropy"].get("context", "masked")),
    )
    for path in changes:
        if path not in allowed:
            raise errors.UsageError(
                f"--set {path}: no such switch of this model; there are: {', '.join(allowed)}"
            )
    if metric != "mse" and max(base["lambdas"]) < 1:
        convert = _ms_ssim_lambdas if metric == "ms-ssim" else _mae_lambdas
        base["lambdas"] = convert(base["transform"], base["lambdas"])
    _drop_what_others_take(base, changes)
    result = presets.changed(base, changes)
    if "transform.bits" in changes and "entropy.levels" not in changes:
        _count_levels(result)
    lambdas = result["lambdas"]
    if not (isinstance(lambdas, list) and lambdas and all(
        isinstance(value, (int, float)) and value > 0 for value in lambdas
    )):
        raise errors.UsageError(f"lambdas must be a list of positive numbers, not {lambdas!r}")
    return result


def make_model(configuration):
    """The untrained `CompressionModel` of a configuration.

    Raises:
        UsageError: a switch has a value that the model does not take.
    """
    try:
        return CompressionModel(**configuration)
    except Exception as error:  # A configuration may say anything.
        cause = textwrap.shorten(str(error), 200)
        raise errors.UsageError(f"the model cannot be built: {cause}") from error


def assign_weights(model, path):
    """Gives a model the weights of a model file, each to the variable of its path.

    What a grown model has in addition keeps its initial values; residual units of the light model
    begin as the identity, so that it does what the smaller one did.

    Raises:
        UnknownModel: the file is damaged.
        UsageError: the model has no place for one of the weights.
    """
    stored = zoo.load_model(path)[0]
    if len(stored.lambdas) != len(model.lambdas):
        cause = f"its weights are for {len(stored.lambdas)} lambdas, not {len(model.lambdas)}"
        raise errors.UsageError(cause, path)
    weights, variables = named_variables(stored), named_variables(model)
    if any(name not in variables or variables[name].shape != weight.shape
           for name, weight in weights.items()):
        raise errors.UsageError("its weights do not fit the switches that --set changes", path)
    for name, weight in weights.items():
        variables[name].assign(weight)


def load_pretrained(model, path):
    """Gives the transform of a model the weights that somebody trained for something else.

    Raises:
        UsageError: the transform takes none, or not those of this file.
    """
    if not hasattr(model.transform, "load_pretrained"):
        kinds = [kind for kind, cls in TRANSFORMS.items() if hasattr(cls, "load_pretrained")]
        raise errors.UsageError(f"--pretrained goes with transforms of the kind {', '.join(kinds)}")
    model.transform.load_pretrained(path)


def _ms_ssim_lambdas(transform, lambdas):
    """The paper's span in equal ratios; for one rate, the higher that the width is meant for.

    For ICWEM the counterpart of its lambda for the mean squared error.
    """
    if transform["kind"] == "invertible":
        nearest = min(_ICWEM_MS_SSIM_LAMBDAS, key=lambda known: abs(math.log(known / lambdas[0])))
        return [_ICWEM_MS_SSIM_LAMBDAS[nearest]]
    count, wide = len(lambdas), transform.get("filters", 0) > 128
    if count == 1:
        return [_MS_SSIM_LAMBDAS[wide][1]]
    first, last = _MS_SSIM_LAMBDAS[0][0], _MS_SSIM_LAMBDAS[1][1]
    return [round(first * (last / first) ** (i / (count - 1)), 3) for i in range(count)]


def _mae_lambdas(transform, lambdas):
    """The published lambda; for several rates it is in the middle of lambdas of the same ratios."""
    middle = math.prod(lambdas) ** (1 / len(lambdas))
    return [round(_MAE_LAMBDA * value / middle, 3) for value in lambdas]


def _drop_what_others_take(base, changes):
    """Removes the arguments of a base configuration that another kind or context does not take."""
    for part, switch, classes in (("transform", "kind", TRANSFORMS),
                                  ("entropy", "context", ENTROPY_MODELS)):
        taken = _arguments(classes, changes.get(f"{part}.{switch}"))
        if taken:
            base[part] = {name: value for name, value in base[part].items()
                          if name in taken | {switch}}


def _count_levels(configuration):
    """As many levels of the prior as the bits of a quantized transform make, 0 and 1 included."""
    bits, entropy = configuration["transform"]["bits"], configuration["entropy"]
    if bits in range(1, MOST_BITS + 1) and entropy.get("levels"):
        entropy["levels"] = 2**bits + 1


def _stored(path):
    """The arguments of `CompressionModel` in a model file."""
    stored = storage.read_configuration(path)
    return {name: stored[name] for name in ("transform", "entropy", "lambdas")}


def _switches(kind, context):
    """Paths that may be changed in a model with this transform and context, sorted."""
    transform = _arguments(TRANSFORMS, kind) - _DERIVED
    makers = {name: family.for_latents for name, family in ENTROPY_MODELS.items()}
    entropy = _arguments(ENTROPY_MODELS, context) | _arguments(makers, context)
    return sorted(
        {"lambdas"}
        | {f"transform.{name}" for name in transform | {"kind"}}
        | {f"entropy.{name}" for name in entropy - _DERIVED_OF_ENTROPY | {"context"}}
    )


def _arguments(classes, name):
    """Names of the arguments of the class or function of this name; none if there is none."""
    known = isinstance(name, str) and name in classes
    return set(inspect.signature(classes[name]).parameters) if known else set()
