"""The 24 Kodak pictures, for the tests that need real photographs.

In the folder that the environment variable ALIC_KODAK names, or beside the checkout.
"""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2] / "shared" / "data" / "test" / "kodak"
FILES = sorted(Path(os.environ.get("ALIC_KODAK", _BESIDE)).glob("kodim*.png"))

needs_kodak = pytest.mark.skipif(
    len(FILES) != 24, reason="the Kodak pictures are not here: set ALIC_KODAK to their folder"
)
