"""Chains of layers, kept as plain lists so that other code can walk them."""


def build_sequence(layers, input_shape):
    """Builds each layer for the output shape of the one before; returns the last output shape."""
    for layer in layers:
        layer.build(input_shape)
        input_shape = layer.compute_output_shape(input_shape)
    return input_shape


