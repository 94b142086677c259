"""Files of the authors' program compress(), decoded with an imported model.

A picture is a pair of files. The first one: height and width of the padded picture, length of the
hyper latent's string (mod 2^16) and largest magnitude of the latents, 16 bits each, least
significant byte first; one flag per channel, first channel in the highest bit, set where a channel
is not zero everywhere; the hyper latent's string, of TensorFlow Compression 1.2. The second one:
the latents of these channels, position by position, for `original_coder`.
"""

import struct
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from alic_tf import errors
from alic_tf.integer.coder import PROBABILITY_BITS, SymbolDecoder
from alic_tf.original.coder import RangeDecoder, cumulative_frequencies

_HEADER = struct.Struct("<4H")
_LATENT_STRIDE, _HYPER_STRIDE = 16, 64
# The context reaches two positions to each side.
_REACH = 2
# Hyper latents outside their table: number of digits, then the digits, of so many bits each.
_DIGIT_BITS = 4
_LARGEST_DIGIT = (1 << _DIGIT_BITS) - 1
_MOST_DIGITS = 8


class Header(NamedTuple):
    """The first file of a pair.

    Fields:
        height, width: of the padded picture.
        limit: largest magnitude of the latents.
        active: numbers of the channels that are coded.
        string: bytes of the hyper latent.
    """

    height: int
    width: int
    limit: int
    active: np.ndarray
    string: bytes


def parse(data, channels):
    """The `Header` from the bytes of the first file.

    Raises:
        Truncated, TrailingData: the file is not as long as it says.
        Malformed: a size that cannot be.
    """
    start = _HEADER.size + channels // 8
    if len(data) < start:
        raise errors.Truncated(f"{len(data)} bytes end before the hyper latent")
    height, width, length, limit = _HEADER.unpack_from(data)
    string = data[start:]
    if len(string) % (1 << 16) != length:
        kind = errors.Truncated if len(string) < length else errors.TrailingData
        raise kind(f"the hyper latent has {len(string)} bytes, not {length}")
    if not (height and width and limit) or height % _HYPER_STRIDE or width % _HYPER_STRIDE:
        raise errors.Malformed(f"{width} x {height}, latents up to {limit}: not of this program")
    flags = np.unpackbits(np.frombuffer(data[_HEADER.size : start], "uint8"))
    return Header(height, width, limit, np.flatnonzero(flags), string)


def decode_hyper_latent(string, variables, height, width):
    """Decodes the hyper latent, float32 [1, height, width, channels].

    Args:
        string: bytes.
        variables: of the checkpoint: the entropy bottleneck's tables are used as they are.

    Raises:
        Malformed: a number that cannot be.
    """
    scope = "entropy_bottleneck"
    missing = [f"{scope}/{name}" for name in ("quantiles", "quantized_cdf", "cdf_length")
               if f"{scope}/{name}" not in variables]
    if missing:
        raise errors.Malformed(f"variables are missing: {', '.join(missing)}")
    low, medians, _ = variables[f"{scope}/quantiles"][:, 0].T
    offsets = -np.maximum(np.ceil(medians - low), 0).astype("int64")
    lengths = variables[f"{scope}/cdf_length"]
    rows = [row[:n] for row, n in zip(variables[f"{scope}/quantized_cdf"], lengths)]
    digits, digits_row = np.arange(_LARGEST_DIGIT + 2), len(rows)
    table = [[PROBABILITY_BITS, *row] for row in rows] + [[_DIGIT_BITS, *digits]]
    decoder = SymbolDecoder([string], np.concatenate(table))

    def decode(row):
        return int(decoder.decode_rows(np.array([row]))[0])

    def decode_escaped(highest):
        count = digit = decode(digits_row)
        while digit == _LARGEST_DIGIT and count <= _MOST_DIGITS:
            digit = decode(digits_row)
            count += digit
        if count > _MOST_DIGITS:
            raise errors.Malformed("a hyper latent of more than 32 bits")
        number = sum(decode(digits_row) << _DIGIT_BITS * i for i in range(count))
        return -(number >> 1) - 1 if number & 1 else highest + (number >> 1)

    z = np.empty((height * width, len(rows)), "int64")
    for position in z:
        for channel, highest in enumerate(lengths - 2):
            symbol = decode(channel)
            position[channel] = decode_escaped(highest) if symbol == highest else symbol
    z = (z + offsets).astype("float32") + medians
    return z.reshape(1, height, width, -1)


def decode_latent(model, variables, header, string):
    """Decodes the latent of a pair of files.

    Args:
        model: `CompressionModel` of a checkpoint, of Gaussian mixtures.
        variables: of that checkpoint, see `checkpoints.read_checkpoint`.
        header: bytes of the first file.
        string: bytes of the second file.

    Returns:
        float32 [1, height / 16, width / 16, channels], whole numbers.

    Raises:
        AlicError: the files are damaged, or of another checkpoint, or the floats of this machine
            are not those of the machine that wrote them.
    """
    if model.entropy.mixture != "gmm":
        raise errors.UsageError("only files of models of Gaussian mixtures can be read")
    header = parse(header, model.latents)
    sides = (header.height, header.width)
    z = decode_hyper_latent(header.string, variables, *(n // _HYPER_STRIDE for n in sides))
    margin = ((0, 0), (_REACH, _REACH), (_REACH, _REACH), (0, 0))
    hyper = np.pad(np.asarray(model.entropy.hyper_synthesis(z)), margin)
    latent = np.zeros((1, *(n // _LATENT_STRIDE for n in sides), model.latents), "float32")
    canvas = np.pad(latent, margin)
    network = tf.function(model.entropy.context.parameters)
    decoder = RangeDecoder(string)
    for row, column in np.ndindex(latent.shape[1:3]):
        window = np.s_[:, row : row + 2 * _REACH + 1, column : column + 2 * _REACH + 1]
        parameters = np.asarray(network(hyper[window], canvas[window]))[0, _REACH, _REACH]
        parameters = parameters.reshape(9, -1)[:, header.active]
        tables = cumulative_frequencies(parameters, header.limit)
        symbols = [decoder.decode(table) for table in tables.tolist()]
        position = (0, row + _REACH, column + _REACH)
        canvas[position][header.active] = np.array(symbols) - header.limit
    if not decoder.at_end():
        raise errors.Malformed(
            "decodes to nonsense: it is of another checkpoint, or was written on a machine whose "
            "floats differ from this one's; see --help"
        )
    return canvas[:, _REACH:-_REACH, _REACH:-_REACH]


def picture(model, latent):
    """The picture of a latent, uint8 [h, w, 3]."""
    image = np.asarray(model.synthesize(latent, np.ones(1, "float32")))[0]
    return np.clip(np.round(255 * image), 0, 255).astype("uint8")
