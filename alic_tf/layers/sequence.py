"""Chains of layers, kept as plain lists so that other code can walk them."""


def build_sequence(layers, input_shape):
    """Builds a layer, or each of several for the output shape of the one before.

    Returns:
        the last output shape.
    """
    for layer in [layers] if callable(layers) else layers:
        layer.build(input_shape)
        input_shape = layer.compute_output_shape(input_shape)
    return input_shape


