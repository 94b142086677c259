"""What is wrong with an example, as a value: graphs cannot catch errors.

A cause is a string, scalar: one line, as `alic_tf.errors` have them; empty if nothing is wrong.
"""

import tensorflow as tf


def first_cause(*checks):
    """The first cause of several.

    Args:
        checks: causes, and pairs of a condition, scalar, and the cause where it does not hold.
    """
    cause = tf.constant("")
    for check in reversed(checks):
        condition, text = check if isinstance(check, tuple) else (check == "", check)
        cause = tf.where(condition, cause, text)
    return cause


def attempted(function, value, otherwise):
    """What a function gives, or something else if an operation in it fails.

    Data sets can leave out elements that fail. Their functions run on a CPU.

    Args:
        function: of a tensor, returns a tensor.
        value: what it is given.
        otherwise: tensor of the same type and number of dimensions.
    """
    attempt = tf.data.Dataset.from_tensors(value).map(function).ignore_errors()
    both = attempt.concatenate(tf.data.Dataset.from_tensors(otherwise))
    return both.take(1).get_single_element()
