"""Unsigned numbers in one to five bytes: base 128 (LEB128), low digits first, shortest form.

The top bit of every byte but the last is set.
"""

MAX_BYTES = 5


def pack(value):
    """The bytes of a number from 0 to 2^35 - 1."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def unpack(data, position):
    """The number that starts at a position.

    Returns:
        (value, position of what follows).

    Raises:
        IndexError: the data end within the number.
        ValueError: it is too long, or not in its shortest form.
    """
    value = 0
    for i in range(MAX_BYTES):
        byte = data[position + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if byte == 0 and i:
                raise ValueError("a number is not in its shortest form")
            return value, position + i + 1
    raise ValueError("a number is too long")
