"""Coding of a latent and its hyper latent to bytes, pass by pass, exact on every machine."""

import abc
import itertools
import struct

import numpy as np

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
    first byte, set where the channel is coded at all; then the length of each lane but the last,
    4 bytes each, least significant first; then the strings of the lanes.

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
                for.
            active: numbers of the coded channels.

        Of what is yielded, indices (n,) number the elements of the flattened latent, means are
        integers (n,), or 0, with 12 fraction bits, and mixture is the `IntegerMixture` of the n
        symbols (latent - means) / 2^12.
        """

    def encode(self, y, z, lanes=1):
        """Codes a latent.

        Args:
            y: float (height, width, channels), both sides multiples of 4.
            z: integers (height / 4, width / 4, hyper channels): distances from the medians.
            lanes: number of independently decodable strings.

        Returns:
            (payload, y_hat): bytes, and the latent as it will be decoded, float64.
        """
        y, z = quantize(y).astype("int64"), np.asarray(z, "int64")
        active = np.arange(self.channels)
        payload = b""
        if self.skips_channels:
            flags = np.any(y + HALF >> FRACTION_BITS, axis=(0, 1))
            active = np.flatnonzero(flags)
            payload = np.packbits(flags).tobytes()
        encoder = SymbolEncoder(lanes, self.prior.rows)
        self.prior.encode(encoder, z)
        y_hat = np.zeros(y.shape, "int64")
        if len(active):
            y_hat[..., active] = self._encode_latent(encoder, z, y[..., active], active)
        strings = encoder.finish()
        lengths = struct.pack(f"<{lanes - 1}I", *map(len, strings[:-1]))
        return payload + lengths + b"".join(strings), dequantize(y_hat)

    def _encode_latent(self, encoder, z, y, active):
        latent = np.zeros(y.shape, "int64")
        y, flat = y.reshape(-1), latent.reshape(-1)
        for indices, means, mixture in self.passes(z, latent, active):
            symbols = y[indices] - means + HALF >> FRACTION_BITS
            encoder.encode_mixture(symbols, mixture)
            flat[indices] = (symbols << FRACTION_BITS) + means
        return latent

    def decode(self, payload, height, width, lanes=1):
        """Inverse of `encode`: (y_hat, z) from the payload of a latent of this size.

        A damaged payload decodes to something else, unless too short for its parts.

        Raises:
            ValueError: the payload ends early.
        """
        active, strings = self._unpack(payload, lanes)
        decoder = SymbolDecoder(strings, self.prior.rows)
        z = self.prior.decode(decoder, height // HYPER_STRIDE, width // HYPER_STRIDE)
        latent = np.zeros((height, width, len(active)), "int64")
        flat = latent.reshape(-1)
        if len(active):
            for indices, means, mixture in self.passes(z, latent, active):
                flat[indices] = (decoder.decode_mixture(mixture) << FRACTION_BITS) + means
        y_hat = np.zeros((height, width, self.channels))
        y_hat[..., active] = dequantize(latent)
        return y_hat, z

    def _unpack(self, payload, lanes):
        flags = -(-self.channels // 8) if self.skips_channels else 0
        start = flags + 4 * (lanes - 1)
        if len(payload) < start:
            raise ValueError(f"payload of {len(payload)} bytes ends before its lanes")
        active = np.arange(self.channels)
        if self.skips_channels:
            bits = np.unpackbits(np.frombuffer(payload[:flags], "uint8"), count=self.channels)
            active = np.flatnonzero(bits)
        lengths = struct.unpack_from(f"<{lanes - 1}I", payload, flags)
        edges = [*itertools.accumulate(lengths, initial=start), len(payload)]
        if edges[-2] > edges[-1]:
            raise ValueError(f"payload of {len(payload)} bytes ends within its lanes")
        return active, [payload[a:b] for a, b in itertools.pairwise(edges)]
