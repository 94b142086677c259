"""Errors of graphs: one line that names the cause, as `alic_tf.errors` has them."""

import tensorflow as tf


def checked(values, *checks):
    """The same tensors, but an error instead of them if a condition does not hold.

    Args:
        values: structure of tensors.
        checks: pairs of a condition, scalar, and the message of the error where it does not hold.
            Of several the first counts.
    """
    message = tf.constant("")
    for condition, text in reversed(checks):
        message = tf.where(condition, message, text)
    good = tf.reduce_all([condition for condition, _ in checks])
    with tf.control_dependencies([tf.debugging.Assert(good, [message])]):
        return tf.nest.map_structure(tf.identity, values)
