"""Image files and pixels in TensorFlow operations."""

import tensorflow as tf

from alic_tf import padding
from alic_tf.serving.checks import checked


def read(image_bytes):
    """A picture of a PNG, JPEG, BMP or GIF file, of the first one of several.

    EXIF orientation and ICC profile are ignored.

    Returns:
        (rgb, grey): uint8 (height, width, 3), and whether the file has one channel of colour.

    Raises (when the graph runs):
        InvalidArgumentError: not such a file, or damaged; or a part of it is transparent.
    """
    # As Pillow does it; by default TensorFlow takes a faster and less exact transform.
    planes = tf.cond(
        tf.io.is_jpeg(image_bytes),
        lambda: tf.io.decode_jpeg(image_bytes, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(image_bytes, expand_animations=False))
    planes = tf.ensure_shape(planes, [None, None, None])
    channels = tf.shape(planes)[2]
    alpha = tf.where(channels % 2 == 0, planes[..., -1], 255)
    planes = checked(planes, (tf.reduce_all(alpha == 255), "has transparent parts, which are not "
                              "encoded here: lay it on a background"))
    grey = channels < 3
    places = tf.where(grey, [0, 0, 0], [0, 1, 2])
    return tf.gather(planes, places, axis=2), grey


def write(rgb, grey):
    """The PNG file of a decoded picture uint8 (height, width, 3), which has one channel if grey."""
    def one_channel():
        total = tf.reduce_sum(tf.cast(rgb, tf.int32), 2, keepdims=True)
        return tf.io.encode_png(tf.cast((total + 1) // 3, tf.uint8))

    return tf.cond(grey, one_channel, lambda: tf.io.encode_png(rgb))


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
