"""Requests with which a model server warms up, before it takes others."""

import numpy as np
import tensorflow as tf

PLACE = ("assets.extra", "tf_serving_warmup_requests")
# Small, but with all that larger pictures have.
SIZE = (64, 96)


def write(codec, saved):
    """Writes requests to all signatures of bytes into the folder of a SavedModel.

    Args:
        codec: the `Codec` that was saved.
        saved: the folder.

    Returns:
        whether it could: the package tensorflow-serving-api must be installed.
    """
    try:
        from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2
    except ImportError:
        return False
    folder = saved / PLACE[0]
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / PLACE[1])) as file:
        for signature, inputs in _requests(codec).items():
            request = predict_pb2.PredictRequest(
                model_spec=model_pb2.ModelSpec(name=codec.name, signature_name=signature),
                inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()})
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request))
            file.write(log.SerializeToString())
    return True


def _requests(codec):
    """Inputs by signature."""
    rows, columns = np.indices(SIZE)
    image = np.stack([2 * rows, 2 * columns, rows + columns], -1).astype("uint8")
    image += np.random.default_rng(0).integers(0, 40, image.shape, "uint8")
    files = {"alic_bytes": [codec.encode(image)]}
    pictures = {"image_bytes": [tf.io.encode_png(image).numpy()], "quality": np.float32([4])}
    return {"decode": files, "encode": pictures, "info": files}
