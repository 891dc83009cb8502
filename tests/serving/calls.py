"""How the tests of serving call a server: plain HTTP and the official gRPC stubs.

There are also servers that give the answers a test sets.
"""

import base64
import contextlib
import http.server
import io
import json
import random
import socket
import struct
import threading
import time
import urllib.error
import urllib.request

import numpy as np
from PIL import Image


def png(array):
    """The PNG file of a picture or mask, written by another library than the client's."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def picture(content):
    """The pixels of a PNG file."""
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG" and image.mode == "RGB"
    return np.asarray(image)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


def unb64(value):
    assert set(value) == {"b64"}
    return base64.b64decode(value["b64"], validate=True)


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def rest(url, body=None, method=None, headers=None):
    """-> HTTP status and JSON value of the answer. body: None (GET), bytes, or a JSON value."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with _DIRECT.open(
            urllib.request.Request(url, data, headers or {}, method=method), timeout=60
        ) as response:
            assert response.headers["Content-Type"] == "application/json"
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        assert error.headers["Content-Type"] == "application/json"
        return error.code, json.load(error)


def stubs(address):
    """The official stubs: PredictionService and ModelService."""
    import grpc
    from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

    channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
    return (
        prediction_service_pb2_grpc.PredictionServiceStub(channel),
        model_service_pb2_grpc.ModelServiceStub(channel),
    )


def predict_request(inputs, name="small", signature="", version=None, output_filter=()):
    """A PredictRequest. inputs: {name: array, TensorProto, or list of bytes}."""
    import tensorflow as tf
    from tensorflow.core.framework.tensor_pb2 import TensorProto
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest(output_filter=output_filter)
    request.model_spec.name, request.model_spec.signature_name = name, signature
    if version is not None:
        request.model_spec.version.value = version
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(
            value if isinstance(value, TensorProto) else tf.make_tensor_proto(value)
        )
    return request


def code(call, request):
    """The name of the gRPC code that a call ends with, and its message."""
    import grpc

    try:
        call(request, timeout=60)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


_given = set()  # the ports that `free_port` has told


def free_port():
    """A port that nothing listens on, for a server that a test starts.

    It is none of those that systems give to whoever asks for any, so no test beside this one gets
    it before the server does.
    """
    for port in random.Random().sample(sorted(set(range(20000, 32000)) - _given), 100):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            _given.add(port)
            return port
    raise AssertionError("100 ports are taken")


@contextlib.contextmanager
def silent_port():
    """A port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@contextlib.contextmanager
def http_server(*answers, port=0, missing=0):
    """A server that gives these answers one after another, then repeats the last. -> port, times.

    Each answer is (status, content type, body). The times are those at which requests arrived.
    `missing` bytes of each body are announced and do not come.
    """
    arrivals = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, kind, body = answers[min(len(arrivals), len(answers) - 1)]
            arrivals.append(time.monotonic())
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) + missing))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1], arrivals
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def redirecting(to):
    """A server that redirects one request to the URL. -> port, [the path that was asked for]."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", to)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_address[1], asked
        thread.join()


def small_pair():
    """A photograph uint8 [24, 32, 3] and a mask with a box."""
    photo = np.random.default_rng(1).integers(0, 256, (24, 32, 3), np.uint8)
    mask = np.zeros((24, 32), np.uint8)
    mask[5:15, 8:20] = 255
    return photo, mask


def gif(frames, side):
    """A GIF file of so many frames, each a square, whose pixels are missing."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x01\x00\x00"
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0, 0, 0) + frame * frames + b"\x3b"


def answer_of(photo):
    """A server's answer over REST: status, type and body."""
    return 200, "application/json", json.dumps({"outputs": [b64(png(photo))]}).encode()
