"""CRC-32 in TensorFlow operations, in as many steps as the number of bytes has binary digits."""

import numpy as np
import tensorflow as tf

from alic_tf.serving.arithmetic import shift_right

_POLYNOMIAL = 0xEDB88320
_ONES = 0xFFFFFFFF


def _byte_registers():
    """What the register, empty at first, is after one byte of each value; int64 (256,)."""
    registers = np.arange(256, dtype="int64")
    for _ in range(8):
        registers = registers >> 1 ^ _POLYNOMIAL * (registers & 1)
    return registers


def crc32(data):
    """CRC-32 (of zlib, PNG and Ethernet) of bytes, int64.

    The register is linear in the bytes: that of two blocks together is the first one's, taken
    through as many zeros as the second has bytes, exclusive-or the second one's. So blocks of
    one byte are joined to blocks of two, of four, and so on.

    Args:
        data: int64 (n,), 0 to 255; at least 4.
    """
    alone = _byte_registers()
    # Beginning with ones in the register inverts the first four bytes; zeros before them do not
    # matter.
    data = tf.concat([255 - data[:4], data[4:]], 0)
    # Row i: the register with byte i set to each value, after one zero byte.
    after_zero = np.stack([alone] + [np.arange(256) << 8 * i for i in range(3)])

    def join(registers, after_zeros):
        pairs = tf.reshape(tf.pad(registers, [[tf.size(registers) % 2, 0]]), [-1, 2])
        joined = tf.bitwise.bitwise_xor(_advance(pairs[:, 0], after_zeros), pairs[:, 1])
        return joined, _advance(after_zeros, after_zeros)

    register, _ = tf.while_loop(
        lambda registers, _: tf.size(registers) > 1, join,
        (tf.gather(alone, data), tf.constant(after_zero)),
        shape_invariants=(tf.TensorShape([None]), tf.TensorShape([4, 256])))
    return tf.bitwise.bitwise_xor(register[0], _ONES)


def _advance(registers, after_zeros):
    """Takes registers through zeros, given what that makes of each of their four bytes."""
    parts = [tf.gather(after_zeros[i], shift_right(registers, 8 * i) % 256) for i in range(4)]
    first, second, third, fourth = parts
    xor = tf.bitwise.bitwise_xor
    return xor(xor(first, second), xor(third, fourth))
