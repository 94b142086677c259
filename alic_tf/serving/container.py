"""The .alic file in TensorFlow operations; see `alic_tf.bitstream.container` and docs/format.md."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from alic_tf.bitstream.container import (
    ANCILLARY,
    CHUNKS,
    CHUNKS_SHIFT,
    CRC_BYTES,
    GREY,
    MAGIC,
    MAX_LANES,
    MAX_METADATA_BYTES,
    MAX_SIDE,
    MODEL_ID_BYTES,
    VERSION,
    VERSIONS_END,
)
from alic_tf.bitstream.quality_steps import step_of_quality
from alic_tf.serving.arithmetic import shift_right
from alic_tf.serving.byte_strings import from_string, read_varint, text, to_string, varints
from alic_tf.serving.checks import first_cause
from alic_tf.serving.crc32 import crc32

_ALPHA = ord("A")
# Flags, model id and quality.
_FIELDS = 1 + MODEL_ID_BYTES + 1
# Up to the first number of any length, and the checksum.
_FEWEST_BYTES = len(MAGIC) + 1 + _FIELDS + CRC_BYTES


class Header(NamedTuple):
    """What a file says about itself; scalar tensors, but for the payload.

    Metadata are left out.

    Fields:
        width, height: int64, in pixels.
        step: int64, quality in the model's steps.
        lanes: int64.
        grey: bool.
        payload: int64 (any,), bytes.
        alpha: string, the coded alpha plane; empty if the picture is opaque.
    """

    width: tf.Tensor
    height: tf.Tensor
    step: tf.Tensor
    lanes: tf.Tensor
    grey: tf.Tensor
    payload: tf.Tensor
    alpha: tf.Tensor


def pack(header, model_id):
    """The string of a file.

    Args:
        header: `Header`.
        model_id: 4 bytes.
    """
    # The number of lanes is a power of two, and the flags hold its logarithm.
    log2 = tf.reduce_sum(tf.cast(header.lanes >= 2 ** np.arange(1, MAX_LANES.bit_length()),
                                 tf.int64))
    alpha = from_string(header.alpha)
    chunks = tf.cast(header.alpha != "", tf.int64)
    flags = GREY * tf.cast(header.grey, tf.int64) + log2 + chunks * 2**CHUNKS_SHIFT
    size, alpha_size = (tf.size(part, tf.int64) for part in (header.payload, alpha))
    listed = tf.concat([[_ALPHA], varints(alpha_size[None])], 0)
    data = tf.concat([
        [*MAGIC, VERSION], [flags], [*model_id], [header.step],
        varints(tf.stack([header.width, header.height, size])), tf.tile(listed, [chunks]),
        header.payload, alpha], 0)
    checksum = crc32(data) // 256 ** np.arange(CRC_BYTES) % 256
    return to_string(tf.concat([data, checksum], 0))


def unpack(string, codec, max_pixels):
    """(cause, `Header`) of a file, all of it checked.

    Args:
        string: the file.
        codec: the `Codec` whose model must have written it.
        max_pixels: larger pictures are refused.

    Returns:
        what is wrong, in the words of `container.unpack` and the codec; and a header that means
        nothing then. What the alpha plane holds is not looked at.
    """
    data = from_string(string)
    size = tf.size(data, tf.int64)
    # Of shorter files too everything is read, zeros at the end, before it is judged.
    filled = tf.pad(data, [[0, tf.maximum(_FEWEST_BYTES - size, 0)]])
    truncated = text("truncated inside its header: only ", size, " bytes")
    position = tf.constant(len(MAGIC) + 1, tf.int64)
    fields = filled[position:position + _FIELDS]
    flags, step = fields[0], fields[-1]
    position += _FIELDS
    no_width, width, position = read_varint(data, position, truncated)
    no_height, height, position = read_varint(data, position, truncated)
    no_size, payload_size, position = read_varint(data, position, truncated)
    no_list, kinds, sizes, position = _read_list(
        data, position, shift_right(flags, CHUNKS_SHIFT), truncated)

    end = position + payload_size + tf.reduce_sum(sizes) + CRC_BYTES
    stored = tf.reduce_sum(filled[-CRC_BYTES:] * 256 ** np.arange(CRC_BYTES))
    known = tf.reduce_any(kinds[:, None] == [*CHUNKS], 1)
    critical = tf.bitwise.bitwise_and(kinds, ANCILLARY) == 0
    metadata = tf.where(known & ~critical, sizes, 0)
    shape = text("", width, "x", height)
    steps = step_of_quality(codec.qualities, codec.qualities)
    payload = data[position:position + payload_size]
    is_alpha = kinds == _ALPHA
    start, length = (tf.reduce_sum(tf.where(is_alpha, numbers, 0))
                     for numbers in (tf.cumsum(sizes, exclusive=True), sizes))
    start = tf.minimum(position + payload_size + start, size)
    lanes = tf.bitwise.left_shift(tf.constant(1, tf.int64), flags % 8)
    cause = first_cause(
        *_start_checks(filled, size), no_width, no_height, no_size, no_list,
        (size >= end, text("truncated: ", size, " of ", end, " bytes")),
        (size <= end, text("", size - end, " bytes follow the end of the file's content")),
        (stored == crc32(filled[:-CRC_BYTES]), "checksum mismatch: the file is damaged"),
        (tf.reduce_all(kinds[1:] > kinds[:-1]),
         "the optional chunks are not in the order of their kinds"),
        (tf.reduce_all(known | ~critical),
         "needs a newer program: a chunk is unknown and may not be ignored"),
        (tf.reduce_all(~known | (sizes > 0)), "an optional chunk is empty"),
        ((width > 0) & (height > 0), text("the header gives a picture of ", shape, " pixels")),
        *size_checks(width, height, max_pixels),
        (tf.reduce_all(metadata <= MAX_METADATA_BYTES), "metadata are over the limit"),
        (tf.reduce_all(fields[1:-1] == [*codec.model_id]),
         f"was not written with {codec.name} ({codec.model_id.hex()})"),
        (step <= steps, text("quality step ", step, f"; {codec.name} has up to {steps}")))
    grey = tf.bitwise.bitwise_and(flags, GREY) > 0
    alpha = tf.strings.substr(string, start, length)
    return cause, Header(width, height, step, lanes, grey, payload, alpha)


def size_checks(width, height, max_pixels):
    """Checks for `first_cause` that a picture is not over the limits."""
    shape = text("", width, "x", height)
    return ((tf.maximum(width, height) <= MAX_SIDE,
             text("", shape, f": a side is over the limit of {MAX_SIDE}")),
            (width * height <= max_pixels,
             text("", shape, f" is over the limit of {max_pixels} pixels")))


def _start_checks(data, size):
    """Checks that data begin with the magic and a version this program reads."""
    magic, count = tf.constant([*MAGIC], tf.int64), tf.minimum(size, len(MAGIC))
    version = data[len(MAGIC)]
    return (
        (size > 0, "the file is empty"),
        (tf.reduce_all(data[:count] == magic[:count]), "not an .alic file"),
        (size > len(MAGIC), text("truncated: only ", size, " bytes")),
        ((version > 0) & (version < VERSIONS_END),
         text("not an .alic file (version ", version, " does not exist)")),
        (version <= VERSION,
         text("newer format version ", version, f"; this program reads {VERSION}")))


def _read_list(data, position, count, truncated):
    """Reads the list of chunks: (cause, kinds (count,), sizes (count,), what follows where)."""
    def read(i, cause, position, kinds, sizes):
        kind = tf.pad(data, [[0, 1]])[tf.minimum(position, tf.size(data, tf.int64))]
        wrong, size, position = read_varint(data, position + 1, truncated)
        cause = first_cause(cause, wrong)
        return i + 1, cause, position, kinds.write(i, kind), sizes.write(i, size)

    count = tf.cast(count, tf.int32)
    kinds, sizes = (tf.TensorArray(tf.int64, count, element_shape=[]) for _ in range(2))
    _, cause, position, kinds, sizes = tf.while_loop(
        lambda i, *_: i < count, read, (0, tf.constant(""), position, kinds, sizes))
    return cause, kinds.stack(), sizes.stack(), position

