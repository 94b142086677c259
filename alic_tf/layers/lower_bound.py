"""A maximum that does not trap parameters below their bound."""

import keras
from keras import ops


@keras.ops.custom_gradient
def _lower_bound(x, bound):
    def gradient(*args, upstream=None):
        if upstream is None:
            (upstream,) = args
        # A descent step moves against the gradient, so a negative one lifts x back over the bound.
        passes = ops.logical_or(x >= bound, upstream < 0)
        return ops.where(passes, upstream, ops.zeros_like(upstream)), ops.zeros_like(bound)

    return ops.maximum(x, bound), gradient


def lower_bound(x, bound):
    """Returns ``max(x, bound)`` with a gradient that can still leave the bound.

    The gradient of a plain maximum vanishes below the bound, where a parameter would then stay
    for ever. This one passes wherever x is above the bound, and below it whenever a descent step
    would raise x (the rule of Balle, *Efficient nonlinear transforms*, 2018).

    Args:
        x: float tensor of any shape.
        bound: number, or tensor of a shape that broadcasts to that of x.

    Returns:
        Tensor of the shape and dtype of x.
    """
    # TensorFlow wants a tensor here, and Keras may hand over the variable that holds it.
    x = ops.add(x, 0)
    return _lower_bound(x, ops.cast(bound, x.dtype))
