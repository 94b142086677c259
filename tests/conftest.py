"""Fixtures for tests anywhere."""

import pytest


@pytest.fixture
def step_by_step():
    """No graphs, which TensorFlow takes longer to make than to take a few steps without."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
