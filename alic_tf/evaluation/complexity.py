"""Multiply-accumulates of a model, counted in the graphs that TensorFlow traces of it."""

import math

import tensorflow as tf

# Of the usual Kodak picture; layers that look along whole rows cost more in larger pictures.
HEIGHT, WIDTH = 512, 768


def macs_per_pixel(model, height=HEIGHT, width=WIDTH):
    """Multiply-accumulates per pixel of the image that a model's encoder and decoder take.

    Those of convolutions and matrix products, as the layers define them: with the taps that a mask
    leaves out, without what is done element by element. The encoder transforms the image and the
    latent and runs the entropy networks (hyper decoder, context, parameters), the decoder runs
    these and the synthesis. The prior of the hyper latent does not count: it is a table in files.

    Args:
        model: a built `CompressionModel`.
        height, width: of the image, multiples of the model's stride.

    Returns:
        dictionary of float: encoder, decoder.
    """
    latent = (1, height // model.latent_stride, width // model.latent_stride, model.latents)
    prior = model.entropy.prior
    hyper = (1, height // model.hyper_stride, width // model.hyper_stride, prior.channels)
    image, quality = (1, height, width, 3), (1,)
    entropy = macs(model.estimate, latent, hyper, quality) - macs(prior.likelihood, hyper)
    return {
        "encoder": (macs(model.analyze, image, quality) + entropy) / (height * width),
        "decoder": (macs(model.synthesize, latent, quality) + entropy) / (height * width),
    }


def macs(function, *shapes):
    """Multiply-accumulates of a function of float32 tensors of these shapes."""
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    operations = tf.function(function).get_concrete_function(*specs).graph.get_operations()
    return sum(_MACS[operation.type](operation) for operation in operations
               if operation.type in _MACS)


def _per_output(operation):
    """A convolution: each output is a sum over the taps and the channels of the input."""
    kernel = operation.inputs[1].shape
    return _size(operation.outputs[0]) * math.prod(kernel[:3])


def _per_channel(operation):
    """A depthwise convolution: each output is a sum over the taps."""
    return _size(operation.outputs[0]) * math.prod(operation.inputs[1].shape[:2])


def _per_input(operation):
    """A transposed convolution: each input is added to all outputs under the kernel."""
    _, kernel, x = operation.inputs
    return _size(x) * math.prod(kernel.shape[:3])


def _product(operation):
    """A matrix product [..., m, k] [..., k, n]; the first matrix may be transposed."""
    out = operation.outputs[0]
    return _size(out) * math.prod(operation.inputs[0].shape[-2:]) // out.shape[-2]


def _einsum(operation):
    """Every combination of the indices once."""
    inputs = operation.get_attr("equation").decode().split("->")[0].split(",")
    sizes = {
        label: size
        for labels, x in zip(inputs, operation.inputs)
        for label, size in zip(labels, x.shape)
    }
    return math.prod(sizes.values())


def _size(tensor):
    return math.prod(tensor.shape)


_MACS = {
    "Conv2D": _per_output,
    "DepthwiseConv2dNative": _per_channel,
    "Conv2DBackpropInput": _per_input,
    "MatMul": _product,
    "BatchMatMulV2": _product,
    "Einsum": _einsum,
}
