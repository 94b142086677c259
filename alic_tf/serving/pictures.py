"""Image files and pixels in TensorFlow operations."""

import tensorflow as tf

from alic_tf import padding
from alic_tf.serving import alpha, picture_headers
from alic_tf.serving.checks import attempted, first_cause


def read(image_bytes, max_pixels):
    """A picture of a PNG, JPEG, BMP or GIF file, of the first one of several.

    EXIF orientation and ICC profile are ignored.

    Args:
        image_bytes: the file.
        max_pixels: larger pictures are refused before they are decoded.

    Returns:
        (cause, rgb, grey, chunk): what is wrong, if it is not such a file, damaged, or too large;
        uint8 (height, width, 3), filled where nothing is seen; whether the file has one channel of
        colour; and the string of its alpha plane, empty if it is opaque.
    """
    cause, image_bytes = picture_headers.check(image_bytes, max_pixels)
    nothing = tf.zeros([0, 0, 1], tf.uint8)
    planes = tf.cond(cause == "", lambda: attempted(_decode, image_bytes, nothing), lambda: nothing)
    grey = tf.shape(planes)[2] < 3
    places = tf.where(grey, [0, 0, 0], [0, 1, 2])
    rgb, plane = tf.gather(planes, places, axis=2), planes[..., tf.where(grey, 1, 3):]
    opaque = tf.reduce_all(plane == 255)
    cause = first_cause(
        cause, (tf.size(planes) > 0, picture_headers.UNREADABLE),
        (opaque | picture_headers.is_png(image_bytes),
         "has a fourth channel, which may be alpha or nothing: save it as PNG"))
    rgb, chunk = tf.cond(
        opaque, lambda: (rgb, tf.constant("")),
        lambda: (alpha.fill_hidden(rgb, plane > 0), alpha.pack(plane)))
    return cause, rgb, grey, chunk


def _decode(image_bytes):
    """The channels of a file, uint8 (height, width, 1 to 4)."""
    # As Pillow does it; by default TensorFlow takes a faster and less exact transform.
    planes = tf.cond(
        tf.io.is_jpeg(image_bytes),
        lambda: tf.io.decode_jpeg(image_bytes, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(image_bytes, expand_animations=False))
    return tf.ensure_shape(planes, [None, None, None])


def write(rgb, grey, plane):
    """The PNG file of a decoded picture.

    Args:
        rgb: uint8 (height, width, 3).
        grey: whether it has one channel of colour.
        plane: uint8 (height, width, 1), its alpha plane, or (height, width, 0) if it is opaque.
    """
    def one_channel():
        total = tf.reduce_sum(tf.cast(rgb, tf.int32), 2, keepdims=True)
        return tf.cast((total + 1) // 3, tf.uint8)

    colours = tf.cond(grey, one_channel, lambda: rgb)
    return tf.io.encode_png(tf.concat([colours, plane], 2))


def pad(image, stride, centred):
    """As `padding.pad`, of a tensor."""
    height, width, _ = tf.unstack(tf.shape(image))
    missing = [padding.padded_size(size, stride) - size for size in (height, width)]
    if centred:
        borders = [[extra // 2, extra - extra // 2] for extra in missing]
        return tf.pad(image, [*borders, [0, 0]])
    rows, columns = (tf.minimum(tf.range(size + extra), size - 1)
                     for size, extra in zip((height, width), missing))
    return tf.gather(tf.gather(image, rows), columns, axis=1)
