"""How large the parts of a model may be.

Configurations come in files from anywhere, and a number in them says how much memory the layers
take. With these bounds, of which the largest published models reach a half, it is some gigabytes.
"""

import math
from numbers import Integral, Real

# The least and the most of whole numbers, or of each of a list, by the name of the argument.
BOUNDS = {
    "filters": (1, 512),
    "latents": (1, 2048),
    "analysis_units": (0, 36),
    "synthesis_units": (0, 36),
    "blocks": (0, 36),
    "head_dims": (1, 256),
    "head_dim": (1, 256),
    "window": (1, 32),
    "enhancement": (1, 512),
    "growth": (1, 512),
    "couplings": (1, 15),
    "groups": (1, 2048),
    "hyper_filters": (1, 512),
    "hyper_latents": (1, 1024),
    "width": (1, 192),
    "widths": (1, 512),
    "attention": (1, 512),
    "slices": (1, 64),
    "levels": (2, 4096),
    "prior_filters": (1, 64),
}
MOST_ENTRIES = 16
# Steps of quality, eight to a whole one, are a byte of .alic files.
MOST_LAMBDAS = 32


def check(transform, entropy, lambdas):
    """Checks the arguments of `CompressionModel`.

    Raises:
        ValueError: a number, or the length of a list, is out of bounds.
    """
    for name, value in (*transform.items(), *entropy.items()):
        entries = value if isinstance(value, (list, tuple)) else [value]
        if len(entries) > MOST_ENTRIES:
            raise ValueError(f"{name} has {len(entries)} entries, of at most {MOST_ENTRIES}")
        least, most = BOUNDS.get(name, (0, 0))
        switch = name not in BOUNDS or value is None or isinstance(value, bool)
        if not switch and not all(_is(Integral, x) and least <= x <= most for x in entries):
            raise ValueError(f"{name} must be whole, from {least} to {most}, not {value!r}")
    positive = all(_is(Real, x) and 0 < x < math.inf for x in lambdas)
    if not (positive and 1 <= len(lambdas) <= MOST_LAMBDAS):
        raise ValueError(f"lambdas must be 1 to {MOST_LAMBDAS} positive numbers, not {lambdas!r}")


def _is(kind, value):
    return isinstance(value, kind) and not isinstance(value, bool)
