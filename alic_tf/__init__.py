"""A learned image codec: `alic_tf.load("dwan").encode(array, quality=4)` and `.decode(bytes)`.

Importing this package is cheap: TensorFlow is imported by `load`, not before.
"""

from alic_tf import errors

__all__ = ["errors", "load"]


def load(name="dwan"):
    """Returns the `Codec` of a shipped model, or of a folder that holds an exported one.

    Raises:
        alic_tf.errors.UnknownModel: no such model; the message lists those there are.
    """
    from alic_tf import zoo

    return zoo.load(name)
