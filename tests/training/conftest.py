import pytest


@pytest.fixture(scope="module", autouse=True)
def graphs_as_they_are():
    """Graphs of tiny models run as they are: to improve them takes TensorFlow seconds each."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
