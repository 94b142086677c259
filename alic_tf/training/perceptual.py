"""Distance of pictures as a trained network sees them: LPIPS, or that of plain features."""

import numpy as np
from keras import ops

from alic_tf import errors, npz

_TINY = 1e-10


class Perceptual:
    """Distance of two pictures by the features of a network of convolutions, from a file.

    Where the file has linear weights, the distance is that of LPIPS (Zhang et al., arXiv
    1801.03924): after each convolution that has some, the features of a position are brought to
    length 1, and their squared differences weighted, added up and averaged over the positions.
    Without, it is the mean absolute difference of the last convolution's features.

    Args:
        path: of an .npz file with, for the convolutions i = 0, 1, ..., each followed by a ReLU,
            kernel_i (height, width, in, out) and bias_i (out,); and where they differ from what
            is usual, stride_i (1), padding_i (half of the kernel), and pool_i and pool_stride_i,
            of a maximum pooling before it (none); linear_i (out,), see above. The first takes
            (RGB in 0..1 - mean) / deviation, two arrays (3,), 0 and 1 unless they are there.

    Call:
        two float tensors [b, h, w, 3] in 0..1. Returns [b].

    Raises:
        UsageError: the file is missing, or none of these.
    """

    def __init__(self, path):
        try:
            arrays = npz.read(path, npz.declared(path))
            self.mean, self.deviation = (
                np.asarray(arrays.get(name, default), "float32").reshape(-1)
                for name, default in (("mean", 0), ("deviation", 1))
            )
            count = sum(name.startswith("kernel_") for name in arrays)
            self.layers = [_Convolution(arrays, i) for i in range(count)]
        except (KeyError, TypeError, ValueError) as error:
            raise errors.UsageError("holds no perceptual weights", path) from error
        if not self.layers:
            raise errors.UsageError("holds no perceptual weights", path)
        self.linear = any(layer.linear is not None for layer in self.layers)

    def __call__(self, a, b):
        a, b = ((x - self.mean) / self.deviation for x in (a, b))
        distance = 0.0
        for layer in self.layers:
            a, b = layer(a), layer(b)
            if layer.linear is not None:
                squares = ops.square(_unit(a) - _unit(b))
                distance = distance + ops.mean(ops.sum(squares * layer.linear, -1), axis=(1, 2))
        return distance if self.linear else ops.mean(ops.abs(a - b), axis=(1, 2, 3))


class _Convolution:
    """Maximum pooling, if any, convolution and ReLU."""

    def __init__(self, arrays, i):
        kernel, bias = arrays[f"kernel_{i}"], arrays[f"bias_{i}"]
        self.kernel = ops.convert_to_tensor(kernel, "float32")
        self.bias = ops.convert_to_tensor(bias, "float32")
        linear = arrays.get(f"linear_{i}")
        self.linear = None if linear is None else ops.convert_to_tensor(linear, "float32")
        self.stride, self.padding, self.pool, self.pool_stride = (
            int(arrays.get(f"{name}_{i}", default))
            for name, default in (("stride", 1), ("padding", kernel.shape[0] // 2), ("pool", 0),
                                  ("pool_stride", 2))
        )

    def __call__(self, x):
        if self.pool:
            x = ops.max_pool(x, self.pool, self.pool_stride)
        side = (self.padding, self.padding)
        x = ops.pad(x, ((0, 0), side, side, (0, 0)))
        return ops.relu(ops.conv(x, self.kernel, self.stride, "valid") + self.bias)


def _unit(features):
    length = ops.sqrt(ops.sum(ops.square(features), axis=-1, keepdims=True) + _TINY)
    return features / length
