"""Transparency in TensorFlow operations; see `alic_tf.pictures.alpha`. Planes are PNG files."""

import tensorflow as tf

from alic_tf.bitstream.container import MAX_SIDE
from alic_tf.serving import picture_headers
from alic_tf.serving.checks import attempted, first_cause
from alic_tf.serving.questions import TracedOnce

# Until a picture of any size is one pixel.
_HALVINGS = (MAX_SIDE - 1).bit_length()
_GREY_OF_8_BITS = [8, 0]
_traced = TracedOnce()


def pack(plane):
    """The string of an alpha plane uint8 (height, width, 1)."""
    return tf.io.encode_png(plane)


def unpack(string, width, height):
    """(cause, plane): what is wrong with a plane of a picture of this size, all of it checked.

    Args:
        string: the file; empty if the picture is opaque.
        width, height: int64, not over the limits.

    Returns:
        why the plane cannot be decoded here; uint8 (height, width, 1), or (height, width, 0) of an
        opaque picture.
    """
    nothing = tf.zeros([0, 0, 1], tf.uint8)
    shape = tf.stack([height, width])

    def decoded():
        cause = _check(string, width, height)
        plane = tf.cond(cause == "", lambda: attempted(_decode, string, nothing), lambda: nothing)
        whole = tf.reduce_all(tf.shape(plane, tf.int64)[:2] == shape)
        return first_cause(cause, (whole, "the alpha plane cannot be decoded")), plane

    opaque = tf.zeros([height, width, 0], tf.uint8)
    return tf.cond(string == "", lambda: (tf.constant(""), opaque), decoded)


def _check(string, width, height):
    """The cause if the header of a file is not that of such a plane."""
    cause = first_cause(
        (tf.strings.substr(string, 0, 4) != "RIFF", "its alpha plane is WebP, which is not decoded "
         "here: write the file with --alpha png"),
        (picture_headers.is_png(string), "the alpha plane is neither lossless WebP nor PNG"))

    def check():
        too_much, *size, _ = picture_headers.png(string)
        form = picture_headers.first_bytes(string)[24:26]
        return first_cause(
            (tf.reduce_all(tf.stack(size) == [width, height]),
             "the alpha plane has another size than the picture"),
            (tf.reduce_all(form == _GREY_OF_8_BITS), "the alpha plane is not grey of 8 bits"),
            (too_much == "", tf.strings.join(["the alpha plane has ", too_much])))

    return tf.cond(cause == "", check, lambda: cause)


def _decode(string):
    return tf.ensure_shape(tf.io.decode_png(string, 1), [None, None, 1])


def fill_hidden(rgb, seen):
    """As `alpha.fill_hidden`, of uint8 (height, width, 3) and bool (height, width, 1)."""
    levels = [(tf.cast(rgb, tf.int32), seen)]
    for _ in range(_HALVINGS):
        levels.append(_traced("halved", _halved)(*levels[-1]))
    filled, _ = levels.pop()
    for level in reversed(levels):
        filled = _traced("filled", _filled)(*level, filled)
    return tf.cast(filled, tf.uint8)


def _halved(colours, seen):
    """The means of what is seen in blocks of 2x2, 0 if nothing is; and whether anything is."""
    counts = _sums_of_blocks(tf.cast(seen, tf.int32))
    sums = _sums_of_blocks(tf.where(seen, colours, 0))
    return (sums + counts // 2) // tf.maximum(counts, 1), counts > 0


def _filled(colours, seen, coarse):
    """Colours where they are seen, elsewhere those of half the size, enlarged."""
    height, width, _ = tf.unstack(tf.shape(colours))
    smooth = _doubled(_doubled(coarse, 1), 0)
    return tf.where(seen, colours, smooth[:height, :width])


def _sums_of_blocks(array):
    """Sums of 2x2 blocks (height, width, channels); zeros continue an odd side."""
    height, width, _ = tf.unstack(tf.shape(array))
    padded = tf.pad(array, [[0, height % 2], [0, width % 2], [0, 0]])
    return tf.add_n([padded[i::2, j::2] for i in (0, 1) for j in (0, 1)])


def _doubled(colours, axis):
    """Twice as many along an axis, by the arithmetic of Pillow's bilinear filter on 8 bits."""
    size = tf.shape(colours)[axis]
    here = tf.range(2 * size)
    other = tf.clip_by_value(here // 2 + here % 2 * 2 - 1, 0, size - 1)
    near, far = (tf.gather(colours, places, axis=axis) for places in (here // 2, other))
    return (3 * near + far + 2) // 4
