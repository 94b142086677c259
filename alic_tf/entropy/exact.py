"""Coding of a latent and its hyper latent to bytes, pass by pass, exact on every machine."""

import abc
import itertools

import numpy as np

from alic_tf import varint
from alic_tf.entropy.coder import SymbolDecoder, SymbolEncoder
from alic_tf.entropy.fixed_point import FRACTION_BITS, dequantize, quantize

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
        tables: `IntegerTables`.
        channels: number of channels of the latent.
    """

    skips_channels = False

    def __init__(self, prior, tables, channels):
        self.prior = prior
        self.tables = tables
        self.channels = channels

    @abc.abstractmethod
    def passes(self, z, latent, active):
        """Yields (indices, means, mixture) for each pass of the latent.

        Args:
            z: int64 (height / 4, width / 4, hyper channels).
            latent: int64 (height, width, active channels) with 12 fraction bits, zero at first;
                when a pass has been yielded, its elements are filled in before the next is asked
                for. Elements of no pass are filled in here.
            active: numbers of the coded channels.

        Of what is yielded, indices (n,) number the elements of the flattened latent, means are
        integers (n,), or 0, with 12 fraction bits, and mixture is the `IntegerMixture` of the n
        symbols (latent - means) / 2^12.
        """

    def encode(self, y, z):
        """Codes a latent.

        Args:
            y: float (height, width, channels), both sides multiples of 4.
            z: integers (height / 4, width / 4, hyper channels): distances from the medians.

        Returns:
            (payload, y_hat, lanes): bytes, the latent as it will be decoded, float64, and the
            number of strings in the payload.
        """
        y, z = quantize(y).astype("int64"), np.asarray(z, "int64")
        active = np.arange(self.channels)
        payload = b""
        if self.skips_channels:
            flags = np.any(y + HALF >> FRACTION_BITS, axis=(0, 1))
            active = np.flatnonzero(flags)
            payload = np.packbits(flags).tobytes()
        encoder = SymbolEncoder(self.prior.rows)
        self.prior.encode(encoder, z)
        y_hat = np.zeros(y.shape, "int64")
        if len(active):
            y_hat[..., active] = self._encode_latent(encoder, z, y[..., active], active)
        strings = encoder.finish()
        # Zeros follow every string anyway.
        strings[-1] += bytes(max(0, _fewest_bytes(*z.shape[:2]) - sum(map(len, strings))))
        payload = b"".join([payload, *_pack_lengths(strings), *strings])
        return payload, dequantize(y_hat), len(strings)

    def _encode_latent(self, encoder, z, y, active):
        latent = np.zeros(y.shape, "int64")
        y, flat = y.reshape(-1), latent.reshape(-1)
        for indices, means, mixture in self.passes(z, latent, active):
            symbols = y[indices] - means + HALF >> FRACTION_BITS
            encoder.encode_mixture(symbols, mixture)
            flat[indices] = (symbols << FRACTION_BITS) + means
        return latent

    def decode(self, payload, height, width, lanes):
        """Inverse of `encode`: (y_hat, z) from the payload of a latent of this size.

        A damaged payload decodes to something else, unless its lengths are impossible.

        Raises:
            ValueError: the payload is too short for its parts or for this size.
        """
        active, strings = self._unpack(payload, lanes)
        hyper_size = height // HYPER_STRIDE, width // HYPER_STRIDE
        if sum(map(len, strings)) < _fewest_bytes(*hyper_size):
            raise ValueError(f"payload of {len(payload)} bytes is too short for its picture")
        decoder = SymbolDecoder(strings, self.prior.rows)
        z = self.prior.decode(decoder, *hyper_size)
        latent = np.zeros((height, width, len(active)), "int64")
        flat = latent.reshape(-1)
        if len(active):
            for indices, means, mixture in self.passes(z, latent, active):
                flat[indices] = (decoder.decode_mixture(mixture) << FRACTION_BITS) + means
        y_hat = np.zeros((height, width, self.channels))
        y_hat[..., active] = dequantize(latent)
        return y_hat, z

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


def _fewest_bytes(height, width):
    """Bytes that a hyper latent of this size has at least: a few must not claim a huge picture."""
    return height * width


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
