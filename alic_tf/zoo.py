"""Shipped and exported models by name, by path and by id."""

import contextlib
import functools
import threading
from pathlib import Path

from alic_tf import errors, storage
from alic_tf.networks import presets

_LOADING = threading.Lock()
# Inside an installed package; beside it in a checkout.
_PLACES = [folder / "saved_models" for folder in Path(__file__).resolve().parents[:2]]
SHIPPED = next((place for place in _PLACES if place.is_dir()), _PLACES[-1])
MODEL_FILE = "model.npz"


def names():
    """Names of the shipped models."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{MODEL_FILE}"))


def untrained():
    """Names of the presets without weights here."""
    return sorted(presets.PRESETS.keys() - set(names()))


def find(name_or_path):
    """Path of the model file of a shipped model's name, of a folder, or of a model file.

    Raises:
        UnknownModel: there is none; the message says how to come by the weights of a preset.
    """
    for path in (SHIPPED / name_or_path / MODEL_FILE, Path(name_or_path) / MODEL_FILE,
                 Path(name_or_path)):
        with contextlib.suppress(OSError):  # a name may be too long for one of a file
            if path.is_file():
                return path
    if name_or_path in untrained():
        raise errors.UnknownModel(
            f"{name_or_path} comes without weights: train them (alic train --model {name_or_path} "
            "--data PHOTOGRAPHS --export FOLDER) or import a checkpoint (alic import --help), and "
            "give the folder instead of the name"
        )
    raise errors.UnknownModel(
        f"unknown model {str(name_or_path)!r}; shipped are: {', '.join(names()) or 'none'}"
    )


def load(name_or_path):
    """The `Codec` of a model; see `find`.

    Raises:
        UnknownModel: there is no such model, or its file is damaged.
    """
    path = find(name_or_path)
    model, configuration, exact = load_model(path)
    # TensorFlow takes seconds to import: not before it is known to be needed.
    from alic_tf.codec import Codec

    codec = Codec(model, exact, bytes.fromhex(configuration["id"]), configuration["name"])
    codec.origin = shared, (path.absolute(),)
    return codec


def load_model(path):
    """(`CompressionModel`, configuration, its `ExactEntropyModel`) of a model file.

    It computes in single precision, whatever the settings of Keras.

    Raises:
        UnknownModel: the file is damaged.
    """
    configuration = storage.read_configuration(path)
    from alic_tf import precision
    from alic_tf.networks import reach, to_integer
    from alic_tf.networks.compression_model import CompressionModel
    from alic_tf.networks.variables import named_variables

    with _refused(path), precision.building("float32"):
        model = CompressionModel(
            configuration["transform"], configuration["entropy"], configuration["lambdas"]
        )
        declared = to_integer.declared(model)
        if "reach" in configuration:  # which earlier versions did not write
            reach.check(model, configuration["reach"])
            model.reach = configuration["reach"]
        variables = named_variables(model)
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    _, weights, exact = storage.load(path, shapes, declared)
    for name, variable in variables.items():
        variable.assign(weights[name])
    with _refused(path):
        return model, configuration, to_integer.restored(model, declared, exact)


@contextlib.contextmanager
def _refused(path):
    """Turns what goes wrong with a model file into UnknownModel.

    Its configuration may say anything, which fails in the layers in ways of every type.
    """
    try:
        yield
    except Exception as error:
        raise errors.UnknownModel(storage.NO_MODEL, path) from error


def shared(name_or_path):
    """As `load`, but loads each model file once; for any number of threads."""
    path = find(name_or_path)
    with _LOADING:
        return _load_version(path, path.stat().st_mtime_ns)


@functools.cache
def _load_version(path, _):
    return load(path)


def load_by_id(model_id):
    """The `shared` codec of the shipped model with this id (4 bytes), as files name it.

    Raises:
        UnknownModel: none of the shipped models has this id.
    """
    configuration = describe(model_id)
    if configuration is None:
        raise errors.UnknownModel(
            f"was written with model {model_id.hex()}, which is not one of: {', '.join(names())}"
        )
    return shared(configuration["name"])


def describe(model_id):
    """The configuration of the shipped model with this id (4 bytes), or None."""
    for name in names():
        configuration = storage.read_configuration(SHIPPED / name / MODEL_FILE)
        if configuration["id"] == model_id.hex():
            return {**configuration, "name": name}
    return None


def export(model, name, path, notes=(), precision="float16"):
    """Writes a trained model to a model file that `load` reads.

    Weights are rounded to the file's precision first, in the model too, so that the integer
    entropy model is that of the weights in the file.

    Args:
        model: a built `CompressionModel`.
        name: of the model.
        path: of the file.
        notes: dictionary that is stored with the configuration.
        precision: of the weights in the file: "float16", or "float32" where a model must behave
            exactly as elsewhere, at twice the size. Weights beyond the range of half precision, as
            variances may be, stay as they are.
    """
    import numpy as np

    from alic_tf.networks import reach
    from alic_tf.networks.to_integer import exact_model
    from alic_tf.networks.variables import named_variables

    variables = named_variables(model)
    weights = {key: _rounded(np.asarray(variable), precision)
               for key, variable in variables.items()}
    for key, variable in variables.items():
        variable.assign(weights[key])
    if model.reach is None:
        model.reach = reach.measured(model)
    configuration = {**model.get_config(), "name": name, "reach": model.reach, **dict(notes)}
    storage.save(path, configuration, weights, exact_model(model).arrays())


def _rounded(weights, precision):
    """An array in a precision, or as it is where it is out of the range of that."""
    import numpy as np

    fits = np.abs(weights).max() <= np.finfo(precision).max
    return weights.astype(precision) if fits else weights
