"""Sends pictures and .alic files to a model server; needs neither alic_tf nor TensorFlow for REST.

What is wrong with a file is said on one line, and the exit code is 1.

    python client.py encode photo.png photo.alic --quality 4
    python client.py decode photo.alic photo.png
    python client.py info photo.alic
    python client.py decode photo.alic photo.png --grpc localhost:8500

gRPC needs tensorflow and `pip install --no-deps tensorflow-serving-api`.
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

# Answers hold whole pictures; gRPC's own limit is 4 MiB.
GRPC_BYTES = 1 << 28


def predict_rest(server, model, signature, example):
    """Asks a server's REST interface about one example.

    Args:
        server: such as http://localhost:8501.
        model, signature: names.
        example: dictionary of the inputs; bytes, numbers.

    Returns:
        dictionary of the outputs; bytes, numbers, and the text `error`, empty if all is well.
    """
    def written(value):
        return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value

    def read(value):
        return base64.b64decode(value["b64"]) if isinstance(value, dict) else value

    request = {"signature_name": signature,
               "instances": [{name: written(value) for name, value in example.items()}]}
    url = f"{server}/v1/models/{model}:predict"
    with urllib.request.urlopen(url, json.dumps(request).encode()) as answer:
        prediction = json.load(answer)["predictions"][0]
    return {name: read(value) for name, value in prediction.items()}


def predict_grpc(server, model, signature, example):
    """As `predict_rest`, by gRPC; the server is such as localhost:8500."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, value in example.items():
        dtype = tf.float32 if isinstance(value, float) else None
        request.inputs[name].CopyFrom(tf.make_tensor_proto([value], dtype))
    limits = [(f"grpc.max_{way}_message_length", GRPC_BYTES) for way in ("send", "receive")]
    with grpc.insecure_channel(server, limits) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(request, timeout=60)
    outputs = {name: tf.make_ndarray(value)[0] for name, value in answer.outputs.items()}
    return {**outputs, "error": outputs["error"].decode()}


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("encode", "decode", "info"))
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path, nargs="?")
    parser.add_argument("--quality", type=float, default=4.0)
    parser.add_argument("--model", default="dwan", help="name under which the server has it")
    parser.add_argument("--rest", default="http://localhost:8501", metavar="URL")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="ask here instead")
    values = parser.parse_args(argv)
    if values.action != "info" and values.output is None:
        parser.error(f"{values.action} needs an output")
    data = values.input.read_bytes()
    example = {"alic_bytes": data}
    if values.action == "encode":
        example = {"image_bytes": data, "quality": values.quality}
    predict, server = (predict_grpc, values.grpc) if values.grpc else (predict_rest, values.rest)
    try:
        outputs = predict(server, values.model, values.action, example)
    except urllib.error.HTTPError as error:
        sys.exit(f"error: {json.load(error)['error']}")
    error = outputs.pop("error")
    if error:
        sys.exit(f"error: {error}")
    if values.output is None:
        print(", ".join(f"{name} {value}" for name, value in sorted(outputs.items())))
    else:
        data, = outputs.values()
        values.output.write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1:])
