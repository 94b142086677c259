"""The precision in which Keras builds layers, whatever its user has set for his own."""

import contextlib

import keras


@contextlib.contextmanager
def building(policy="float32"):
    """Layers built inside, and not told otherwise, compute in this policy, then and later.

    Also a decorator. Keras keeps the setting for each thread by itself.

    Args:
        policy: name of a dtype policy of Keras.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
