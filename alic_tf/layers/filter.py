"""Post-quantization filter: brings the decoded latent nearer to what the encoder had."""

import keras
import numpy as np
from keras import ops

from alic_tf.layers.wavelet_filter import WaveletFilter

FILTERS = (False, True, "wavelet")
# Before a sigmoid; a filter begins near the identity.
NEARLY_ONE = 4.0


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


def make_filter(kind, dtype):
    """Returns a filter of decoded latents.

    Args:
        kind: True for `PostQuantizationFilter`, "wavelet" for `WaveletFilter`, which computes in
            full precision, False for None.
        dtype: of the former.

    Raises:
        ValueError: another kind.
    """
    if kind not in FILTERS:
        raise ValueError(f"pqf must be one of {FILTERS}, not {kind!r}")
    if kind == "wavelet":
        return WaveletFilter(importance_bias_init=NEARLY_ONE, dtype="float32")
    return PostQuantizationFilter(dtype=dtype) if kind else None
