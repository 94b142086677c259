"""Post-quantization filter: brings the decoded latent nearer to what the encoder had."""

import keras
import numpy as np
from keras import ops


def _identity(shape, dtype=None):
    kernel = np.zeros(shape, "float32")
    kernel[shape[0] // 2, shape[1] // 2] = 1
    return ops.cast(kernel, dtype)


@keras.saving.register_keras_serializable(package="alic_tf")
class PostQuantizationFilter(keras.layers.Layer):
    """One trainable 3x3 filter per feature map, initially the identity.

    Applied by the decoder to the rounded latent, and trained by ||F(y_hat) - y||^2 to undo part
    of the quantization error (Fu et al., arXiv 2206.10618, section III-D). Keeps shape and dtype.
    """

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, 3, input_shape[-1], 1), initializer=_identity,
                                      name="kernel")

    def call(self, x):
        return ops.depthwise_conv(x, ops.convert_to_tensor(self.kernel), padding="same")

    def compute_output_shape(self, input_shape):
        return input_shape
