"""Numbers as colours, from dark to light."""

import numpy as np

# Evenly spaced, from 0 to the highest number; what is higher has the last one.
COLOURS = ("#10122b", "#43206f", "#95306f", "#dd5f45", "#f9ae3f", "#fff3b8")
_LEVELS = np.array([list(bytes.fromhex(colour[1:])) for colour in COLOURS], "float32")


def heat(values, highest):
    """Colours of numbers.

    Args:
        values: float array [h, w], from 0.
        highest: what has the last colour, above 0.

    Returns:
        uint8 array [h, w, 3].
    """
    places = np.linspace(0, highest, len(COLOURS))
    channels = [np.interp(values, places, levels) for levels in _LEVELS.T]
    return np.rint(np.stack(channels, axis=-1)).astype("uint8")
