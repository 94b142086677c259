"""Models of the authors' TensorFlow 1 checkpoints.

The checkpoints of Fu et al. (arXiv 2206.10618) store most weights reparameterized for training, as
TensorFlow Compression 1.2 does: kernels as coefficients of a real Fourier transform, weights of
normalizations as square roots, the hyper prior's medians among other quantiles.
"""

import math
from pathlib import Path

import numpy as np

from alic_tf import errors

# Outputs per channel of the last layer of the authors' parameter network.
MIXTURE_OF_OUTPUTS = {9: "gmm", 30: "gllmm"}


def irdft_matrix(size):
    """Matrix [size^2, size^2] from coefficients of a real Fourier transform to a square kernel.

    Columns are products of the same orthonormal functions of the row and of the column: constant,
    cosine and minus sine of each frequency in turn, and the alternating one if size is even.
    """
    position = np.arange(size)
    basis = np.full((size, size), 1 / math.sqrt(size))
    for i in range(1, size):
        angle = 2 * np.pi * ((i + 1) // 2) * position / size
        alternating = 2 * ((i + 1) // 2) == size
        norm = math.sqrt((1 if alternating else 2) / size)
        basis[:, i] = norm * (np.cos(angle) if i % 2 else -np.sin(angle))
    return np.kron(basis, basis)


def _kernel(coefficients):
    """The kernel [size, size, i * o] of coefficients [size^2, i * o]."""
    size = math.isqrt(len(coefficients))
    kernel = np.zeros(coefficients.shape, "float32")
    # Rounded to single precision at each step, as in the original's matrix product: in decoding
    # its files, the last bit counts.
    for function, row in zip(irdft_matrix(size).T.astype("float32"), coefficients):
        kernel = (kernel + np.outer(function.astype("float64"), row)).astype("float32")
    return kernel.reshape(size, size, -1)


def effective(variables):
    """The weights as the graph uses them, from the variables as a checkpoint stores them.

    Args:
        variables: dictionary from names to arrays.

    Returns:
        dictionary for `Weights`.
    """
    from alic_tf.layers.normalization import BETA_MINIMUM, GAMMA_MINIMUM, PEDESTAL

    def squared(root, minimum):
        root = np.maximum(root.astype("float64"), math.sqrt(minimum + PEDESTAL))
        return np.square(root) - PEDESTAL

    arrays = {}
    for name, value in variables.items():
        scope, _, leaf = name.rpartition("/")
        if leaf == "kernel_rdft":
            arrays[f"{scope}/kernel"] = _kernel(value)
        elif leaf == "reparam_beta":
            arrays[f"{scope}/beta"] = squared(value, BETA_MINIMUM)
        elif leaf == "reparam_gamma":
            arrays[f"{scope}/gamma"] = squared(value, GAMMA_MINIMUM)
        elif leaf == "quantiles":
            arrays[f"{scope}/medians"] = value[:, 0, 1]
        else:
            arrays[name] = value
    return arrays


def read_checkpoint(prefix):
    """The variables of a TensorFlow checkpoint, a dictionary with `renumber`ed names.

    Raises:
        UsageError: there is none of this name.
        Malformed: it cannot be read.
    """
    index = Path(f"{prefix}.index")
    if not index.is_file():
        raise errors.UsageError("no such checkpoint", index)
    import tensorflow as tf

    from alic_tf.original.tf1_scopes import renumber

    try:
        reader = tf.train.load_checkpoint(str(prefix))
        names = renumber(reader.get_variable_to_shape_map())
        return {new: reader.get_tensor(old) for old, new in names.items()}
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        cause = str(error).splitlines()[0]
        raise errors.Malformed(f"is not a readable checkpoint: {cause}", prefix) from error


def configuration_of(variables):
    """(number of filters, kind of mixture) of a checkpoint's variables.

    Raises:
        Malformed: the variables are not those of the authors' model.
    """
    names = ("entropy_parameter/masked/biases", "entropy_parameter/layer_2/signal_conv2d/kernel")
    _check_complete([name for name in names if name not in variables])
    biases, kernel = (variables[name] for name in names)
    filters = len(biases) // 2
    mixture = MIXTURE_OF_OUTPUTS.get(kernel.shape[-1] / filters)
    if mixture is None:
        raise errors.Malformed(
            f"{names[1]} has {kernel.shape[-1]} outputs, not 9 or 30 for each of {filters} channels"
        )
    return filters, mixture


def build(variables, lmbda=None):
    """The model of a checkpoint's variables: fu2022 or fu2022-gllmm, without filter.

    Args:
        variables: as `read_checkpoint` returns them.
        lmbda: lambda that it was trained with, or None if that is not known.

    Raises:
        Malformed: the variables are not those of the authors' model; the message names them.
    """
    from alic_tf.networks import presets
    from alic_tf.original.tf1_scopes import Weights

    filters, mixture = configuration_of(variables)
    changes = {"transform.filters": filters, "transform.pqf": False, "entropy.mixture": mixture}
    if lmbda is not None:
        changes["lambdas"] = [lmbda]
    model = presets.build("fu2022", changes)
    weights = Weights(effective(variables))
    weights.model(model)
    _check_complete(weights.missing)
    if weights.misshapen:
        raise errors.Malformed(f"variables of other shapes: {_some(weights.misshapen)}")
    if weights.unused:
        raise errors.Malformed(f"variables of another model: {_some(sorted(weights.unused))}")
    return model


def _check_complete(missing):
    if missing:
        raise errors.Malformed(f"variables are missing: {_some(missing)}")


def _some(names, limit=10):
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
