"""Data-dependent initialization of the light model."""

import numpy as np

from alic_tf.networks.packet import BANDS, BLOCK, packet_matrix


def blocks(image, size):
    """Cuts [n, h, w, c] into [n, h / size, w / size, size * size * c], rows first (numpy)."""
    n, height, width, channels = image.shape
    x = image.reshape(n, height // size, size, width // size, size, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // size, width // size, -1)


def karhunen_loeve(crops, latents):
    """The Karhunen-Loeve transform of 16x16 blocks, in the packet domain.

    Args:
        crops: uint8 [n, h, w, 3], h and w multiples of 16.
        latents: number of components to keep.

    Returns:
        (basis [768, latents], deviation of each component [latents], deviation of each packet
        band [192]), float64, in 8-bit levels around 127.5.
    """
    moment = np.zeros((4 * BANDS, 4 * BANDS))
    total = np.zeros(BANDS)
    matrix, count = packet_matrix(), 0
    for crop in crops:
        bands = blocks(crop[None] - 127.5, BLOCK) @ matrix
        total += np.square(bands).sum(axis=(0, 1, 2))
        rows = blocks(bands, 2).reshape(-1, 4 * BANDS)
        moment += rows.T @ rows
        count += len(rows)
    variances, vectors = np.linalg.eigh(moment / count)
    order = np.argsort(variances)[::-1][:latents]
    return vectors[:, order], np.sqrt(variances[order]), np.sqrt(total / count / 4)


def initialize(transform, crops):
    """Starts a `PacketTransform` as the transform codec of the crops (uint8 [n, h, w, 3])."""
    basis, latent_deviation, band_deviation = karhunen_loeve(crops, transform.latents)
    transform.analysis.linear.kernel.assign(basis[None, None])
    transform.synthesis.linear.kernel.assign(basis.T[None, None])
    for direction in (transform.analysis, transform.synthesis):
        direction.latent_deviation.assign(latent_deviation)
        direction.band_deviation.assign(band_deviation)
