"""Loops of small steps in TensorFlow operations."""

import tensorflow as tf

# Steps between two looks at the loop's condition, which cost as much as several operations.
UNROLLED = 8


def run(step, state, inputs, dtype):
    """Takes a step for each row of some tensors: `tf.scan`, but faster for small steps.

    Args:
        step: function of (state, *rows) to (state, output (lanes,)).
        state: tuple of tensors.
        inputs: list of tensors (steps, lanes).
        dtype: of the output.

    Returns:
        (state, outputs): the last state; (steps, lanes).
    """
    whole = tf.shape(inputs[0])[0] // UNROLLED * UNROLLED
    state, first = _run(step, state, [x[:whole] for x in inputs], dtype, UNROLLED)
    state, rest = _run(step, state, [x[whole:] for x in inputs], dtype, 1)
    return state, tf.concat([first, rest], 0)


def _run(step, state, inputs, dtype, unrolled):
    """`run` of a multiple of `unrolled` steps."""
    steps, lanes = tf.unstack(tf.shape(inputs[0]))
    blocks = steps // unrolled

    def block(i, state, out):
        outputs = []
        rows = [tf.unstack(x[i * unrolled:(i + 1) * unrolled], num=unrolled) for x in inputs]
        for row in zip(*rows):
            state, output = step(state, *row)
            outputs.append(output)
        return i + 1, state, out.write(i + 1, tf.stack(outputs))

    out = tf.TensorArray(dtype, blocks + 1, element_shape=[unrolled, None])
    # Without an element the array would not know its shape.
    out = out.write(0, tf.zeros([unrolled, lanes], dtype))
    _, state, out = tf.while_loop(lambda i, *_: i < blocks, block, (0, state, out))
    return state, out.concat()[unrolled:]
