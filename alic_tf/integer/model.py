"""Coding of a latent and its hyper latent to bytes, pass by pass, exact on every machine."""

import abc
import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from alic_tf.bitstream import varint
from alic_tf.integer.coder import SymbolDecoder, SymbolEncoder
from alic_tf.integer.fixed_point import FRACTION_BITS, dequantize, quantize
from alic_tf.integer.mixture import IntegerMixture
from alic_tf.progress import ignore

HALF = 1 << FRACTION_BITS - 1
HYPER_STRIDE = 4


class Part(NamedTuple):
    """Some of the elements of a pass.

    Fields:
        indices: integers (n,), numbers of the elements in the flattened latent.
        means: integers (n,), or 0, with 12 fraction bits.
        mixture: `IntegerMixture` of the n symbols (latent - means) / 2^12.
        share: of all elements of the latent, those that are known once these are decoded.
        skipped: None, or (indices, means) of elements that are not coded: they equal their means.
    """

    indices: np.ndarray
    means: np.ndarray | int
    mixture: IntegerMixture
    share: float
    skipped: tuple | None = None

    def symbols(self, y):
        """Symbols of the n elements of a flattened latent (float)."""
        return rounded(y[self.indices], self.means)

    def skip(self, latent):
        """Fills in what is not coded in a flattened latent, int32; returns the part without it."""
        if self.skipped:
            indices, means = self.skipped
            latent[indices] = means
        return self._replace(skipped=None)

    def complete(self, latent, symbols):
        """Fills in the n elements of a flattened latent, int32."""
        latent[self.indices] = (symbols << FRACTION_BITS) + self.means


class Prediction(NamedTuple):
    """The distributions of a pass.

    Fields:
        parts: iterator over `Part`, which together are the pass. It does not look at the latent
            any more, and so may be used while that is completed.
        residual: None, or function of the latent (height, width, channels) once all parts are
            complete, which returns (slice of channels, int32 array to be added to them).
        sizes: where the pass stands for several, the lengths of these.
    """

    parts: Iterator[Part]
    residual: Callable | None = None
    sizes: list | None = None

    def complete(self, latent):
        """Adds the residual to a latent, int32 (height, width, channels)."""
        if self.residual:
            own, residual = self.residual(latent)
            latent[..., own] += residual


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

    `arrays` and `from_arrays` turn it into integer arrays by name and back, for its file.
    """

    # Values of the switch `context`, in configurations, that stand for models of this family.
    contexts = ()

    skips_channels = False
    # Whether all means are 0, so that an encoder knows the whole latent before it codes any.
    foreseen = False
    # Scale below which an element is not coded and equals its mean.
    smallest_coded = 0.0
    # Latent samples a sample of the hyper latent, each way.
    hyper_stride = HYPER_STRIDE

    def __init__(self, prior, tables, channels):
        self.prior = prior
        self.tables = tables
        self.channels = channels

    def at(self, step):
        """The same model at a step of quality; for models of one rate, itself."""
        return self

    @abc.abstractmethod
    def passes(self, z, height, width, active):
        """Yields a function for each pass, which predicts it and changes nothing.

        Args:
            z: int64 (height / hyper_stride, width / hyper_stride, hyper channels).
            height, width: of the latent.
            active: numbers of the coded channels.

        Yields:
            function of the latent, int32 (height, width, active channels) with 12 fraction bits, in
            which all earlier passes are complete, that returns the `Prediction` of this one.
        """

    def passes_together(self, z, height, width, active):
        """As `passes`, for a latent that is complete: one `Prediction` may stand for several."""
        return self.passes(z, height, width, active)

    def start(self, z, height, width, active):
        """The latent before its first pass, int32 (height, width, active channels), contiguous."""
        return np.zeros((height, width, len(active)), "int32")

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
        latent = self.start(z, *y.shape[:2], active)
        if len(active):
            self._encode_latent(encoder, z, y, latent, active, advance)
        strings = encoder.finish()
        # Zeros follow every string anyway.
        strings[-1] += bytes(max(0, fewest_bytes(*_blocks(y.shape)) - sum(map(len, strings))))
        payload = b"".join([payload, *_pack_lengths(strings), *strings])
        return payload, self._all_channels(latent, active), len(strings)

    def _encode_latent(self, encoder, z, y, latent, active, advance):
        """Codes y and fills in the latent."""
        passes = self.passes
        if self.foreseen:
            for row, out in zip(y, latent):
                out[:] = rounded(row) << FRACTION_BITS
            passes = self.passes_together
        flat_y, flat = y.reshape(-1), latent.reshape(-1)

        def symbols_of(parts):
            for part in parts:
                symbols = part.symbols(flat_y)
                part.skip(flat).complete(flat, symbols)
                yield symbols, part.mixture
                advance(part.share)

        for predict in passes(z, *latent.shape[:2], active):
            prediction = predict(latent)
            encoder.encode_parts(symbols_of(prediction.parts), prediction.sizes)
            prediction.complete(latent)

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
        latent = self.start(z, height, width, active)
        flat = latent.reshape(-1)
        for predict in self.passes(z, height, width, active) if len(active) else ():
            prediction = predict(latent)
            # Means of what is skipped need not wait in memory.
            parts = [part.skip(flat) for part in prediction.parts]
            decoded = decoder.decode_parts([part.mixture for part in parts])
            for part, symbols in zip(parts, decoded):
                part.complete(flat, symbols)
                advance(part.share)
            prediction.complete(latent)
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
