"""A learned image codec: `alic_tf.encode("photo.jpg", quality=4)` and `alic_tf.decode(data)`.

Importing this package is cheap: TensorFlow is imported by the first function that needs it.
"""

from typing import TYPE_CHECKING

from alic_tf import errors
from alic_tf.api import decode, encode, info, load, models

if TYPE_CHECKING:
    from alic_tf.codec import Codec
    from alic_tf.pictures.picture import Picture

__version__ = "0.2.0"
__all__ = ["Codec", "Picture", "decode", "encode", "errors", "info", "load", "models"]


def __getattr__(name):
    """`Codec` and `Picture`, whose modules take time to import."""
    if name == "Codec":
        from alic_tf.codec import Codec

        return Codec
    if name == "Picture":
        from alic_tf.pictures.picture import Picture

        return Picture
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
