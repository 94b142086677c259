import numpy as np
import tensorflow as tf

from alic_tf.layers.lower_bound import lower_bound


def test_gradient_passes_below_the_bound_only_towards_it():
    x = tf.constant([2.0, 2.0, 0.5, 0.5])
    upstream = tf.constant([1.0, -1.0, 1.0, -1.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = lower_bound(x, 1.0)
        loss = tf.reduce_sum(y * upstream)
    np.testing.assert_array_equal(y, [2, 2, 1, 1])
    np.testing.assert_array_equal(tape.gradient(loss, x), [1, -1, 0, -1])
