"""The precision in which Keras computes, whatever its user has set for his own."""

import contextlib

import keras


@contextlib.contextmanager
def building(policy="float32"):
    """Layers built inside, and not told otherwise, compute in this policy, then and later.

    Keras keeps the setting for each thread by itself.

    Args:
        policy: name of a dtype policy of Keras.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def single():
    """All that Keras does inside is in single precision, unless it is told otherwise.

    For a whole process: Keras shares its float type among threads. Also a decorator.
    """
    before = keras.config.floatx()
    keras.config.set_floatx("float32")
    try:
        with building("float32"):
            yield
    finally:
        keras.config.set_floatx(before)
