"""Stands for TensorFlow Serving in tests: its two interfaces, around a loaded SavedModel.

REST follows https://www.tensorflow.org/tfx/serving/api_rest: `:predict` with "instances" (rows) or
"inputs" (columns), bytes as {"b64": ...}, and of outputs those whose names end with _bytes; and the
status of the model.
"""

import base64
import json
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import tensorflow as tf


def _decoded(value):
    """JSON with bytes in the place of {"b64": ...}."""
    if isinstance(value, dict) and value.keys() == {"b64"}:
        return base64.b64decode(value["b64"], validate=True)
    if isinstance(value, dict):
        return {name: _decoded(item) for name, item in value.items()}
    return [_decoded(item) for item in value] if isinstance(value, list) else value


def _encoded(name, value):
    """JSON of an output: an array, or bytes."""
    if isinstance(value, bytes):
        if name.endswith("_bytes"):
            return {"b64": base64.b64encode(value).decode()}
        return value.decode()
    return value if not hasattr(value, "tolist") else value.tolist()


def predict(signatures, body):
    """The answer to the JSON of a `:predict` request, JSON."""
    request = _decoded(json.loads(body))
    function = signatures[request.get("signature_name", "serving_default")]
    specs = function.structured_input_signature[1]
    rows = request.get("instances")
    columns = request["inputs"] if rows is None else {
        name: [row[name] if isinstance(row, dict) else row for row in rows] for name in specs}
    if not isinstance(columns, dict):
        columns = {next(iter(specs)): columns}
    outputs = function(**{
        name: tf.constant(value, specs[name].dtype) for name, value in columns.items()})
    lists = {name: [_encoded(name, item) for item in value.numpy()]
             for name, value in outputs.items()}
    if rows is None:
        return {"outputs": lists}
    return {"predictions": [dict(zip(lists, row)) for row in zip(*lists.values())]}


@contextmanager
def rest(signatures, model):
    """Yields the address of a server."""
    status = {"version": "1", "state": "AVAILABLE",
              "status": {"error_code": "OK", "error_message": ""}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer("", lambda: {"model_version_status": [status]})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(":predict", lambda: predict(signatures, body))

        def answer(self, method, function):
            code, answer = 404, {"error": f"Could not find servable for {self.path}"}
            if self.path == f"/v1/models/{model}{method}":
                code, answer = 200, function()
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(answer, indent=1).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def grpc(signatures, model):
    """Yields the address of a server; needs tensorflow-serving-api."""
    import grpc as rpc
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request, context):
            assert request.model_spec.name == model
            outputs = signatures[request.model_spec.signature_name](**{
                name: tf.constant(tf.make_ndarray(value))
                for name, value in request.inputs.items()})
            return predict_pb2.PredictResponse(outputs={
                name: tf.make_tensor_proto(value) for name, value in outputs.items()})

    server = rpc.server(futures.ThreadPoolExecutor(1))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(None)
