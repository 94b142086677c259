"""The codec as a TensorFlow SavedModel of stock operations, for `alic export`."""
