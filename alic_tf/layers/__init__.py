"""Building blocks of the networks: convolutions, normalisations, attention, wavelets."""
