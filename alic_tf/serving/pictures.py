"""Image files and pixels in TensorFlow operations."""

import tensorflow as tf

from alic_tf import padding
from alic_tf.serving import picture_headers
from alic_tf.serving.checks import attempted, first_cause


def read(image_bytes, max_pixels):
    """A picture of a PNG, JPEG, BMP or GIF file, of the first one of several.

    EXIF orientation and ICC profile are ignored.

    Args:
        image_bytes: the file.
        max_pixels: larger pictures are refused before they are decoded.

    Returns:
        (cause, rgb, grey): what is wrong, if it is not such a file, damaged, too large or not
        opaque; uint8 (height, width, 3); and whether the file has one channel of colour.
    """
    cause, image_bytes = picture_headers.check(image_bytes, max_pixels)
    nothing = tf.zeros([0, 0, 1], tf.uint8)
    planes = tf.cond(cause == "", lambda: attempted(_decode, image_bytes, nothing), lambda: nothing)
    channels = tf.shape(planes)[2]
    alpha = tf.where(channels % 2 == 0, planes[..., -1], 255)
    cause = first_cause(
        cause, (tf.size(planes) > 0, picture_headers.UNREADABLE),
        (tf.reduce_all(alpha == 255),
         "has transparent parts, which are not encoded here: lay it on a background"))
    grey = channels < 3
    places = tf.where(grey, [0, 0, 0], [0, 1, 2])
    return cause, tf.gather(planes, places, axis=2), grey


def _decode(image_bytes):
    """The channels of a file, uint8 (height, width, 1 to 4)."""
    # As Pillow does it; by default TensorFlow takes a faster and less exact transform.
    planes = tf.cond(
        tf.io.is_jpeg(image_bytes),
        lambda: tf.io.decode_jpeg(image_bytes, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(image_bytes, expand_animations=False))
    return tf.ensure_shape(planes, [None, None, None])


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
