"""What decoding a picture will cost, from the headers of its file, in TensorFlow operations."""

import functools

import numpy as np
import tensorflow as tf

from alic_tf.serving.byte_strings import from_string, text
from alic_tf.serving.checks import attempted, first_cause
from alic_tf.serving.container import size_checks

UNREADABLE = "not a PNG, JPEG, BMP or GIF file, or damaged"
# Scans of a JPEG and compressed texts of a PNG file are small, but each costs what a small picture
# does. So many are decoded of any file, and one more for each so many bytes: as often, two bytes
# that look like the start of a scan may follow each other by chance.
FEW, BYTES_FOR_ONE = 32, 2**14
_HEAD_BYTES = 32
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def check(string, max_pixels):
    """Checks a file without decoding its pixels.

    Args:
        string: the file.
        max_pixels: larger pictures are refused.

    Returns:
        (cause, string): the file as it is to be decoded; of a GIF file, its first frame.
    """
    starts = [tf.strings.substr(string, 0, len(magic)) == magic for magic, _ in _FORMATS]
    kind = tf.argmax([*(tf.cast(start, tf.int32) for start in starts), 1], output_type=tf.int32)
    unknown = (UNREADABLE, *2 * [tf.constant(0, tf.int64)], string)
    cause, width, height, string = tf.switch_case(
        kind, [functools.partial(read, string) for _, read in _FORMATS], lambda: unknown)
    cause = first_cause(cause, ((width > 0) & (height > 0), UNREADABLE),
                        *size_checks(width, height, max_pixels))
    return cause, string


def is_png(string):
    """Whether a file begins like a PNG file."""
    return tf.strings.substr(string, 0, len(_PNG)) == _PNG


def png(string):
    """(cause, width, height, string) of what is a PNG file; see `check`."""
    head = first_bytes(string)
    width, height = (tf.reduce_sum(head[i:i + 4] * 256 ** np.arange(3, -1, -1)) for i in (16, 20))
    texts = _count(string, b"zTXt") + _count(string, b"iTXt")
    return _not_over_few(string, texts, "compressed texts"), width, height, string


def _jpeg(string):
    shape = attempted(tf.io.extract_jpeg_shape, string, tf.zeros([3], tf.int32))
    height, width, _ = tf.unstack(tf.cast(tf.ensure_shape(shape, [3]), tf.int64))
    scans = _count(string, b"\xff\xda")
    return _not_over_few(string, scans, "scans"), width, height, string


def _bmp(string):
    head = first_bytes(string)
    pixels_start, header_bytes, width, height = (
        tf.reduce_sum(head[i:i + 4] * 256 ** np.arange(4)) for i in (10, 14, 18, 22))
    # The sign of a height tells which row is the first.
    height = tf.minimum(height, 2**32 - height)
    # TensorFlow takes the numbers of colours for shades.
    colours = tf.io.decode_raw(string, tf.uint8)[14 + header_bytes:pixels_start]
    here = tf.range(tf.size(colours))
    shades = (colours == tf.cast(here // 4, tf.uint8)) | (here % 4 == 3)
    cause = first_cause(((head[28] != 8) | tf.reduce_all(shades),
                         "has a table of colours, which is not read here: save it as PNG"))
    return cause, width, height, string


def _gif(string):
    """Follows the blocks of the file, which may have millions of them, to the end of a frame.

    A block, or a list of sub-blocks, is known by the number of its first byte; that of a block is
    counted on from the end of the file.
    """
    data = tf.cast(tf.io.decode_raw(string, tf.uint8), tf.int32)
    size, here = tf.size(data), tf.range(tf.size(data))
    blocks = size + 1
    sub_blocks_links = tf.where(data > 0, tf.minimum(here + 1 + data, size), blocks + here + 1)
    block_links = tf.where(data == ord("!"), tf.minimum(here + 2, size), blocks + here)
    links = tf.concat([sub_blocks_links, [size], block_links, [blocks + size]], 0)

    filled = tf.pad(data, [[0, _HEAD_BYTES]])
    start = tf.minimum(13 + _table_bytes(filled[10]), size)
    first = _last(links, blocks + start) % blocks
    descriptor = filled[first:first + 10]
    start = tf.minimum(first + 11 + _table_bytes(descriptor[9]), size)
    end = _last(links, start) % blocks

    corner = descriptor[1:5]
    sides, screen = (low[::2] + 256 * low[1::2] for low in (descriptor[5:9], filled[6:10]))
    width, height = tf.unstack(tf.cast(sides, tf.int64), num=2)
    cause = first_cause(
        (descriptor[0] == ord(","), UNREADABLE),
        (tf.reduce_all(corner == 0) & tf.reduce_all(sides == screen),
         "its first frame does not fill its screen, which is not decoded here"))
    return cause, width, height, tf.strings.join([tf.strings.substr(string, 0, end), ";"])


_FORMATS = (
    (_PNG, png), (b"\xff\xd8\xff", _jpeg), (b"BM", _bmp), (b"GIF8", _gif))


def first_bytes(string):
    """The first bytes of a file, int64, filled with zeros."""
    return tf.pad(from_string(tf.strings.substr(string, 0, _HEAD_BYTES)),
                  [[0, _HEAD_BYTES]])[:_HEAD_BYTES]


def _count(string, wanted):
    """How often some bytes are in a string that is not shorter, int32."""
    data = tf.io.decode_raw(string, tf.uint8)
    last = tf.size(data) - len(wanted) + 1
    here = tf.reduce_all([data[i:last + i] == value for i, value in enumerate(wanted)], 0)
    return tf.math.count_nonzero(here, dtype=tf.int32)


def _not_over_few(string, count, what):
    """The cause if a file has too many of something."""
    few = FEW + tf.strings.length(string) // BYTES_FOR_ONE
    return first_cause((count <= few, text("more than ", few, f" {what}, which is too many")))


def _table_bytes(flags):
    """Size of the table of colours that these flags of a GIF file tell of."""
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)


def _last(links, start):
    """Where a chain of links ends, an element that is linked to itself."""
    def twice_as_far(links):
        return (tf.gather(links, links),)

    links, = tf.while_loop(
        lambda links: tf.gather(links, links[start]) != links[start], twice_as_far, (links,))
    return links[start]
