"""Convolutions with an activation that is trained, too."""

import keras


def prelu(**kwargs):
    """A ReLU with a trained slope per channel, 0.25 at first (He et al., arXiv 1502.01852).

    Args:
        **kwargs: passed to the layer (dtype, name).
    """
    start = keras.initializers.Constant(0.25)
    return keras.layers.PReLU(alpha_initializer=start, shared_axes=[1, 2], **kwargs)


def activated(convolution, *arguments, activation="leaky_relu", **options):
    """A convolution and its activation, as a list of layers to apply in order.

    Args:
        convolution: class, `SignalConvolution` or `SubpixelConvolution`.
        *arguments, **options: of its constructor.
        activation: "prelu", or one that the convolution takes.

    Raises:
        ValueError: another activation.
    """
    if activation == "prelu":
        return [convolution(*arguments, **options), prelu(dtype=options.get("dtype"))]
    return [convolution(*arguments, activation=activation, **options)]
