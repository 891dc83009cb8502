"""A server process under attack, over sockets: it refuses in one answer, and goes on.

After each attack a fill must still be the fill of the model in this process.
"""

import contextlib
import socket
import time

import numpy as np
import pytest
from serving.calls import b64, code, png, predict_request, rest, small_pair, stubs
from tensorflow.core.framework.tensor_pb2 import TensorProto

PHOTO, MASK = small_pair()
FILES = {"image_bytes": [png(PHOTO)], "mask_bytes": [png(MASK)]}
GOOD = {"inputs": {name: [b64(value[0])] for name, value in FILES.items()}}
STRING, UINT8 = 7, 4  # DataType

pytestmark = pytest.mark.usefixtures("goes_on")


def tensor(kind, shape, **fields):
    proto = TensorProto(dtype=kind, **fields)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


# ------------------------------------------------------------------------------------- gRPC tensors


@pytest.mark.parametrize(
    "proto",
    [
        tensor(STRING, [2**27], string_val=[b"a"]),
        tensor(STRING, [2**40], string_val=[b"a"]),
        tensor(STRING, [4096], string_val=[bytes(2**17)]),
        tensor(STRING, [2**27]),
        tensor(STRING, [5000], string_val=[b""] * 5000),
        tensor(STRING, [1], string_val=[b"a", b"b"]),
        tensor(STRING, [-1], string_val=[b"a"]),
        tensor(STRING, [1] * 300, string_val=[b"a"]),
        tensor(UINT8, [2**27], int_val=[1]),
        tensor(3, [2**27], int_val=[1]),
        tensor(2, [2**27], double_val=[1.0]),
        tensor(20, [1], string_val=[b"a"]),
        tensor(21, [1], string_val=[b"a"]),
        tensor(999, [1], string_val=[b"a"]),
        tensor(-1, [1], string_val=[b"a"]),
    ],
    ids=lambda proto: f"{proto.dtype}-{len(proto.tensor_shape.dim)}-{len(proto.string_val)}",
)
def test_a_tensor_that_is_not_what_it_says(attacked, proto):
    check_refused(attacked, proto)


def test_a_tensor_of_any_other_kind(attacked):
    for kind in (*range(7), *range(8, 32), 101, 107):
        check_refused(attacked, tensor(kind, [1], string_val=[b"a"]))


def check_refused(attacked, proto):
    attacked.forget_most()
    before = attacked.most_megabytes()
    start = time.monotonic()
    request = predict_request({**FILES, "image_bytes": proto})
    name, message = code(stubs(attacked.grpc_address)[0].Predict, request)
    assert name == "INVALID_ARGUMENT" and "image_bytes" in message
    assert time.monotonic() - start < 20 and attacked.most_megabytes() < before + 20


@pytest.mark.parametrize(
    "proto",
    [
        tensor(UINT8, [1, 2**14, 2**14, 3], int_val=[1]),
        tensor(UINT8, [2**27, 1, 1, 3], int_val=[1]),
        tensor(UINT8, [1, 24, 32, 3], tensor_content=b"a"),
        tensor(UINT8, [1, 24, 32, 3], int_val=[1] * 5000),
        tensor(UINT8, [1, 24, -32, 3], int_val=[1]),
    ],
    ids=["large", "batch", "too little", "too much", "negative"],
)
def test_a_photograph_that_is_not_what_it_says(attacked, proto):
    attacked.forget_most()
    before = attacked.most_megabytes()
    inputs = {"image": proto, "mask": MASK[np.newaxis, ..., np.newaxis]}
    request = predict_request(inputs, signature="tensors")
    name, message = code(stubs(attacked.grpc_address)[0].Predict, request)
    assert name == "INVALID_ARGUMENT" and "image" in message
    assert attacked.most_megabytes() < before + 20


def test_one_value_still_stands_for_many(attacked, painter):
    inputs = {
        "image": tensor(UINT8, [1, 24, 32, 3], int_val=[7]),
        "mask": MASK[np.newaxis, ..., np.newaxis],
    }
    response = stubs(attacked.grpc_address)[0].Predict(
        predict_request(inputs, signature="tensors"), timeout=60
    )
    filled = np.frombuffer(response.outputs["filled"].tensor_content, np.uint8)
    wanted = painter.fill(np.full_like(PHOTO, 7), MASK)
    np.testing.assert_array_equal(filled.reshape(wanted.shape), wanted)


def raw(attacked, method, data):
    """The gRPC code of a message of these bytes."""
    import grpc

    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(attacked.grpc_address, options=options) as channel:
        return code(channel.unary_unary(f"/tensorflow.serving.{method}"), data)


@pytest.mark.parametrize(
    "method, data",
    [
        ("PredictionService/Predict", b"\x12\x00" * 2_000_000),  # inputs
        ("PredictionService/Predict", b"\x1a\x00" * 2_000_000),  # output_filter
        ("PredictionService/Predict", b"\x12\x84\x01\x12\x81\x01" + b"\x72\x00" * 2_000_000),
        ("PredictionService/GetModelMetadata", b"\x12\x00" * 2_000_000),
        ("ModelService/GetModelStatus", b"\x0a\x00" * 2_000_000),
        ("PredictionService/Predict", b"\xff" * 1000),
        ("PredictionService/Predict", b"\x12\xff\xff\xff\xff\x0f"),
        ("PredictionService/Predict", b"\x0b"),
    ],
)
def test_messages_of_fields_alone(attacked, method, data):
    attacked.forget_most()
    before = attacked.most_megabytes()
    name, message = raw(attacked, method, data)
    assert name == "INVALID_ARGUMENT" and ("fields" in message or "parsed" in message)
    assert attacked.most_megabytes() < before + 60


@pytest.mark.parametrize("size", [10_000, 10_000_000])
def test_names_are_not_repeated_at_length(attacked, size):
    request = predict_request(FILES, name="a" * size)
    name, message = code(stubs(attacked.grpc_address)[0].Predict, request)
    assert name == "NOT_FOUND" and len(message) < 1100
    request = predict_request(FILES, output_filter=["a" * size])
    name, message = code(stubs(attacked.grpc_address)[0].Predict, request)
    assert name == "INVALID_ARGUMENT" and len(message) < 1100
    status, answer = rest(
        f"{attacked.url}/v1/models/small:predict", {**GOOD, "signature_name": "a" * size}
    )
    assert status == 400 and len(answer["error"]) < 1100


def test_other_grpc_methods_and_bytes(attacked):
    assert raw(attacked, "PredictionService/Classify", b"")[0] == "UNIMPLEMENTED"
    assert raw(attacked, "PredictionService/Nix", b"")[0] == "UNIMPLEMENTED"
    host, port = attacked.grpc_address.split(":")
    for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), b"\xff" * 1000):
        with socket.create_connection((host, int(port)), timeout=15) as one:
            one.sendall(data)
            with contextlib.suppress(ConnectionError):
                while one.recv(4096):
                    pass


@pytest.mark.slow
def test_a_message_that_is_compressed_well(attacked):
    import grpc

    with grpc.insecure_channel(
        attacked.grpc_address, options=[("grpc.max_send_message_length", -1)]
    ) as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        with pytest.raises(grpc.RpcError) as error:
            call(bytes(300 * 2**20), compression=grpc.Compression.Gzip, timeout=60)
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
