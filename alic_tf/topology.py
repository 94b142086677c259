"""How blocks are made of their parts: once for floats, integers and TensorFlow's operations.

A topology is a function of (parts, x, arithmetic). The parts are attributes of its first argument,
each a layer or a list of layers to apply in order; x is (batch, height, width, channels). The
arithmetic is a module with what differs between kinds of numbers: `alic_tf.layers.arithmetic` for
Keras, `alic_tf.integer.arithmetic` for integers in numpy, `alic_tf.serving.arithmetic` for integers
in TensorFlow's operations. These have the functions

    add(x, y)           sum
    multiply(x, y)      product
    concatenate(list)   side by side in the channels
    halves(x)           the first and the second half of the channels
    relu(x), sigmoid(x)
    depth_to_space(x)   2x2 positions of each, row by row, from four quarters of the channels
"""


def apply(part, x):
    """A layer, or several in order, of x."""
    for layer in [part] if callable(part) else part:
        x = layer(x)
    return x


def subpixel(parts, x, arithmetic):
    """Shi et al., arXiv 1609.05158: twice the resolution."""
    return arithmetic.depth_to_space(parts.convolution(x))


def shortcut(parts, x, arithmetic):
    """Two branches and their sum."""
    return arithmetic.add(parts.shortcut(x), apply(parts.trunk, x))


def residual(parts, x, arithmetic):
    """x + convolutions(x)."""
    return arithmetic.add(x, apply(parts.convolutions, x))


def rectified_residual(parts, x, arithmetic):
    """relu(x + convolutions(x)), as in Cheng et al. (arXiv 2001.01568)."""
    return arithmetic.relu(residual(parts, x, arithmetic))


def swin(parts, x, arithmetic):
    """Liu et al., arXiv 2103.14030, figure 3: attention, then MLP, both added."""
    x = arithmetic.add(x, apply(parts.attention, x))
    return arithmetic.add(x, apply(parts.mlp, x))


def conv_transformer(parts, x, arithmetic):
    """Liu et al., arXiv 2303.14978, figure 3: one half by convolutions, the other by attention."""
    near, far = arithmetic.halves(parts.split(x))
    near = arithmetic.add(near, parts.pair(near))
    both = arithmetic.concatenate([near, parts.swin(far)])
    return arithmetic.add(x, parts.fusion(both))


def non_local(parts, x, arithmetic):
    """x + trunk(x) * sigmoid(gate(x)), as in Cheng et al. (arXiv 2001.01568)."""
    gate = arithmetic.sigmoid(apply(parts.gate, x))
    return arithmetic.add(x, arithmetic.multiply(apply(parts.trunk, x), gate))


def stages(parts, x, arithmetic):
    """One after the other."""
    return apply(parts.stages, x)


def slice_mean(parts, x):
    """(support, means) of a slice, of the features for means and the slices before it."""
    support = apply(parts.mean_support, x)
    return support, apply(parts.mean, support)


def slice_scale(parts, x):
    """Scales of a slice, of the features for scales and the slices before it."""
    return apply(parts.scale, apply(parts.scale_support, x))


def pass_parts(parts):
    """The layers of a pass of the parallel family, by their names in model files."""
    named = {f"head_{i}": layer for i, layer in enumerate(parts.head)}
    named |= {"embed": parts.embed, "local": parts.local, "scan": parts.scan}
    return {name: layer for name, layer in named.items() if layer is not None}


def pass_features(parts, known):
    """What a pass of the parallel family makes of what is known: around each position, and afar.

    `embed` makes of it what `local` and, if there is one, `scan` look at.

    Returns:
        list of arrays.
    """
    embedded = apply(parts.embed, known)
    return [apply(branch, embedded) for branch in (parts.local, parts.scan) if branch is not None]


def pass_parameters(parts, features, arithmetic):
    """Parameters of a pass, from the hyper output and the `pass_features`, a list."""
    return apply(parts.head, arithmetic.concatenate(features))
