"""The codec as a TensorFlow SavedModel of stock operations: `python -m alic_tf.serving.export`."""
