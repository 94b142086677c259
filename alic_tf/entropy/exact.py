"""Coding of a latent and its hyper latent to bytes, pass by pass, exact on every machine."""

import abc
import itertools
from typing import NamedTuple

import numpy as np

from alic_tf.bitstream import varint
from alic_tf.entropy.coder import SymbolDecoder, SymbolEncoder
from alic_tf.entropy.fixed_point import FRACTION_BITS, dequantize, quantize
from alic_tf.entropy.mixture import IntegerMixture
from alic_tf.progress import ignore

HALF = 1 << FRACTION_BITS - 1
HYPER_STRIDE = 4


def flatten(parts):
    """Arrays of all parts in one dictionary, "part/name": the parts have a method `arrays`."""
    return {f"{part}/{name}": array for part, owner in parts.items()
            for name, array in owner.arrays().items()}


def unflatten(arrays):
    """Inverse of `flatten`: nested dictionaries of arrays."""
    tree = {}
    for path, array in arrays.items():
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = array
    return tree


class Part(NamedTuple):
    """Some of the elements of a pass.

    Fields:
        indices: integers (n,), numbers of the elements in the flattened latent.
        means: integers (n,), or 0, with 12 fraction bits.
        mixture: `IntegerMixture` of the n symbols (latent - means) / 2^12.
        share: of all elements of the latent, those that are known once these are decoded.
    """

    indices: np.ndarray
    means: np.ndarray | int
    mixture: IntegerMixture
    share: float


class ExactEntropyModel(abc.ABC):
    """Integer counterpart of a trained entropy model: turns latents into bytes and back.

    The hyper latent is coded first, then the latent in passes. In a pass, all elements are
    independent given earlier passes: each is coded as the integer nearest to its distance from a
    predicted mean (zero in models that round the latent itself).

    Payload: if `skips_channels`, one flag per channel, first channel in the highest bit of the
    first byte, set where the channel is coded at all; then the length of each lane's string but the
    last, as a varint of its distance from the mean; then the strings of the lanes.

    Args:
        prior: `FactorizedTables` of the hyper latent.
        tables: `IntegerTables`, or None in models without passes.
        channels: number of channels of the latent.
    """

    skips_channels = False
    # Latent samples a sample of the hyper latent, each way.
    hyper_stride = HYPER_STRIDE

    def __init__(self, prior, tables, channels):
        self.prior = prior
        self.tables = tables
        self.channels = channels

    @abc.abstractmethod
    def passes(self, z, latent, active):
        """Yields an iterator over `Part`, together a pass, for each pass of the latent.

        Args:
            z: int64 (height / hyper_stride, width / hyper_stride, hyper channels).
            latent: int32 (height, width, active channels) with 12 fraction bits, zero at first.
                What a part holds is filled in before the next pass is asked for, and after all
                parts of this one or any earlier. Elements of no part are filled in here.
            active: numbers of the coded channels.
        """

    def encode(self, y, z, advance=ignore):
        """Codes a latent.

        Args:
            y: float (height, width, channels), both sides multiples of `hyper_stride`.
            z: integers (height / hyper_stride, width / hyper_stride, hyper channels): distances
                from the medians.
            advance: function that is told each share of the work as it is done.

        Returns:
            (payload, y_hat, lanes): bytes, the latent as it will be decoded, float32, and the
            number of strings in the payload.
        """
        z = np.asarray(z, "int64")
        active = np.arange(self.channels)
        payload = b""
        if self.skips_channels:
            flags = np.any([np.any(rounded(row), axis=0) for row in y], axis=0)
            active = np.flatnonzero(flags)
            payload = np.packbits(flags).tobytes()
            y = y[..., active]
        encoder = SymbolEncoder(self.prior.rows)
        self.prior.encode(encoder, z)
        latent = np.zeros(y.shape, "int32")
        if len(active):
            self._encode_latent(encoder, z, y, latent, active, advance)
        strings = encoder.finish()
        # Zeros follow every string anyway.
        strings[-1] += bytes(max(0, fewest_bytes(*_blocks(y.shape)) - sum(map(len, strings))))
        payload = b"".join([payload, *_pack_lengths(strings), *strings])
        return payload, self._all_channels(latent, active), len(strings)

    def _encode_latent(self, encoder, z, y, latent, active, advance):
        """Codes y and fills in the latent."""
        y, flat = y.reshape(-1), latent.reshape(-1)

        def symbols_of(parts):
            for part in parts:
                symbols = rounded(y[part.indices], part.means)
                flat[part.indices] = (symbols << FRACTION_BITS) + part.means
                yield symbols, part.mixture
                advance(part.share)

        for parts in self.passes(z, latent, active):
            encoder.encode_parts(symbols_of(parts))

    def decode(self, payload, height, width, lanes, advance=ignore):
        """Inverse of `encode`: (y_hat, z) from the payload of a latent of this size.

        A damaged payload decodes to something else, unless its lengths are impossible.

        Raises:
            ValueError: the payload is too short for its parts or for this size.
        """
        active, strings = self._unpack(payload, lanes)
        if sum(map(len, strings)) < fewest_bytes(*_blocks((height, width))):
            raise ValueError(f"payload of {len(payload)} bytes is too short for its picture")
        decoder = SymbolDecoder(strings, self.prior.rows)
        z = self.prior.decode(decoder, height // self.hyper_stride, width // self.hyper_stride)
        latent = np.zeros((height, width, len(active)), "int32")
        flat = latent.reshape(-1)
        if len(active):
            for parts in self.passes(z, latent, active):
                parts = list(parts)
                decoded = decoder.decode_parts([part.mixture for part in parts])
                for part, symbols in zip(parts, decoded):
                    flat[part.indices] = (symbols << FRACTION_BITS) + part.means
                    advance(part.share)
        return self._all_channels(latent, active), z

    def _all_channels(self, latent, active):
        """The latent, with zeros for the channels that are not coded, as numbers: float32."""
        y_hat = np.zeros((*latent.shape[:2], self.channels), "float32")
        for row, out in zip(latent, y_hat):
            out[:, active] = dequantize(row)
        return y_hat

    def _unpack(self, payload, lanes):
        """(numbers of the coded channels, strings of the lanes) of a payload."""
        start = -(-self.channels // 8) if self.skips_channels else 0
        active = np.arange(self.channels)
        try:
            if self.skips_channels:
                bits = np.unpackbits(np.frombuffer(payload[:start], "uint8"))
                active = np.flatnonzero(bits[active])
            return active, _unpack_strings(payload, start, lanes)
        except IndexError as error:
            raise ValueError(f"payload of {len(payload)} bytes ends before its lanes") from error


def rounded(y, means=0):
    """Symbols, int32, of latent elements (float) that are coded as distances from these means."""
    return quantize(y).astype("int32") - means + HALF >> FRACTION_BITS


def fewest_bytes(height, width):
    """Bytes that a latent of so many 4x4 blocks has at least: few must not claim much."""
    return height * width


def _blocks(shape):
    """Blocks of a latent, as rows and columns: where there is a hyper latent, its size."""
    return (-(-side // HYPER_STRIDE) for side in shape[:2])


def _pack_lengths(strings):
    """The lengths of all strings but the last: distances from the mean, 0, -1, 1, -2, 2 ..."""
    mean = sum(map(len, strings)) // len(strings)
    for string in strings[:-1]:
        distance = len(string) - mean
        yield varint.pack(2 * distance if distance >= 0 else -2 * distance - 1)


def _unpack_strings(payload, position, count):
    """The strings whose lengths start at a position and that fill the rest of the payload."""
    distances = []
    for _ in range(count - 1):
        number, position = varint.unpack(payload, position)
        distances.append(number >> 1 if number % 2 == 0 else -(number + 1 >> 1))
    mean = (len(payload) - position) // count
    lengths = [mean + distance for distance in distances]
    edges = [*itertools.accumulate(lengths, initial=position), len(payload)]
    if min(lengths, default=0) < 0 or edges[-2] > edges[-1]:
        raise ValueError(f"the lanes do not fit into a payload of {len(payload)} bytes")
    return [payload[a:b] for a, b in itertools.pairwise(edges)]
