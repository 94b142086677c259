"""How far around a tile the steps of a model look: found when it is exported, for its file.

Whoever cuts a large picture into tiles reads so much more around each. Finding it takes a forward
pass of a small picture or of several, with the largest models up to a minute.
"""

import numpy as np
from keras import ops

from alic_tf.tiling import MOST_BLOCKS, Tiling


def measured(model):
    """The reach of all steps of a built `CompressionModel`, in samples of their input.

    Returns:
        dictionary from the names of `CompressionModel.steps` to a list, a number for each step.

    Raises:
        ValueError: a step looks at more of the picture than tiles can see.
    """
    return {name: [_measured(step) for step in steps] for name, steps in model.steps().items()}


def _measured(step):
    def function(x):
        return ops.convert_to_numpy(step.function(x, np.ones(1, "float32")))

    block = step.block // step.from_stride
    return Tiling(function, step.channels, block, block, step.from_stride, step.to_stride).halo


def check(model, reach):
    """Raises ValueError unless `reach` could be what `measured` returns of a model."""
    steps = model.steps()
    if not isinstance(reach, dict) or reach.keys() != steps.keys():
        raise ValueError(f"reach must be a dictionary of {tuple(steps)}")
    for name, found in reach.items():
        blocks = [step.block // step.from_stride for step in steps[name]]
        if not (isinstance(found, list) and len(found) == len(blocks) and all(
            type(n) is int and n in range(0, MOST_BLOCKS * block + 1, block)
            for n, block in zip(found, blocks)
        )):
            raise ValueError(f"the reach of {name} must be a number of blocks for each step")
