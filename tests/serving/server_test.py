"""The Python server over real HTTP and the official gRPC stubs.

It answers as TensorFlow Serving does, also to mistakes and to a crowd.
"""

import asyncio
import base64
import concurrent.futures
import gzip
import json
import shutil
import socket
import threading
import time
import tracemalloc
import zlib

import numpy as np
import pytest
import tensorflow as tf
from changed import changed
from google.protobuf import json_format
from serving.calls import b64, code, free_port, picture, png, predict_request, rest, stubs, unb64
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, prediction_log_pb2
from waiting import until

from tfinpaint.serving import rest as rest_module
from tfinpaint.serving import servable
from tfinpaint.serving import server as server_module
from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.servable import Servable
from tfinpaint.serving.server import Server
from tfinpaint.settings import SettingsError


def columns(photo, mask):
    return {"inputs": {"image_bytes": [b64(png(photo))], "mask_bytes": [b64(png(mask))]}}


def files(photo, mask):
    return {"image_bytes": [png(photo)], "mask_bytes": [png(mask)]}


def arrays(photo, mask):
    return {"image": photo[np.newaxis], "mask": mask[np.newaxis, ..., np.newaxis]}


def small_pair(height, width):
    photo = np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.uint8)
    mask[5:15, 8:20] = 255
    return photo, mask


# ------------------------------------------------------------------------------ REST: what it tells


@pytest.mark.parametrize("path", ["/v1/models/small", "/v1/models/small/versions/1"])
def test_status(server, path):
    assert rest(server.url + path) == (
        200,
        {
            "model_version_status": [
                {
                    "version": "1",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        },
    )


@pytest.mark.parametrize(
    "path", ["/v1/models/small/metadata", "/v1/models/small/versions/1/metadata"]
)
def test_metadata_has_the_signatures(server, path):
    status, answer = rest(server.url + path)
    assert status == 200 and answer["model_spec"] == {
        "name": "small",
        "signature_name": "",
        "version": "1",
    }
    signatures = answer["metadata"]["signature_def"]["signature_def"]

    def told(infos):
        return {
            name: (info["dtype"], [int(dim["size"]) for dim in info["tensor_shape"]["dim"]])
            for name, info in infos.items()
        }

    one, other = signatures["serving_default"], signatures["tensors"]
    assert told(one["inputs"]) == {
        "image_bytes": ("DT_STRING", [-1]),
        "mask_bytes": ("DT_STRING", [-1]),
    }
    assert told(one["outputs"]) == {"filled_bytes": ("DT_STRING", [-1])}
    assert told(other["inputs"]) == {
        "image": ("DT_UINT8", [-1, -1, -1, 3]),
        "mask": ("DT_UINT8", [-1, -1, -1, 1]),
    }
    assert told(other["outputs"]) == {"filled": ("DT_UINT8", [-1, -1, -1, 3])}
    assert one["method_name"] == other["method_name"] == "tensorflow/serving/predict"


def test_metadata_has_no_more_than_tensorflow_serving_writes(server):
    # It writes the signatures as a plain message (http_rest_api_util.cc), not as the Any that
    # carries them.
    assert list(rest(server.url + "/v1/models/small/metadata")[1]["metadata"]["signature_def"]) == [
        "signature_def"
    ]


# ------------------------------------------------------------------------------------ REST: predict


def test_the_picture_that_the_tests_compare_is_no_constant(painter, pair):
    photo, mask = pair
    filled = painter.fill(photo, mask)
    assert (
        len(np.unique(filled[mask > 127], axis=0)) > 100
        and (filled != photo).any(-1)[mask > 127].mean() > 0.9
    )


@pytest.mark.parametrize("version", ["", "/versions/1"])
def test_columns(server, painter, pair, version):
    status, answer = rest(f"{server.url}/v1/models/small{version}:predict", columns(*pair))
    assert status == 200 and set(answer) == {"outputs"} and len(answer["outputs"]) == 1
    np.testing.assert_array_equal(picture(unb64(answer["outputs"][0])), painter.fill(*pair))


def test_rows(server, painter, pair):
    other = small_pair(40, 50)
    instances = [
        {"image_bytes": b64(png(photo)), "mask_bytes": b64(png(mask))}
        for photo, mask in (pair, other)
    ]
    status, answer = rest(
        f"{server.url}/v1/models/small:predict",
        {"signature_name": "serving_default", "instances": instances},
    )
    assert status == 200 and set(answer) == {"predictions"}
    for value, one in zip(answer["predictions"], (pair, other), strict=True):
        np.testing.assert_array_equal(picture(unb64(value)), painter.fill(*one))


def test_a_batch_of_mixed_sizes(server, painter):
    pairs = [small_pair(*size) for size in ((33, 20), (20, 47), (64, 64))]
    inputs = {
        "image_bytes": [b64(png(photo)) for photo, _ in pairs],
        "mask_bytes": [b64(png(mask)) for _, mask in pairs],
    }
    status, answer = rest(f"{server.url}/v1/models/small:predict", {"inputs": inputs})
    assert status == 200
    for value, one in zip(answer["outputs"], pairs, strict=True):
        np.testing.assert_array_equal(picture(unb64(value)), painter.fill(*one))


@pytest.mark.parametrize("form, key", [("inputs", "outputs"), ("instances", "predictions")])
def test_tensors_give_what_files_give(server, form, key):
    photo, mask = small_pair(30, 40)
    alone = picture(
        unb64(rest(f"{server.url}/v1/models/small:predict", columns(photo, mask))[1]["outputs"][0])
    )
    row = {"image": photo.tolist(), "mask": mask[..., np.newaxis].tolist()}
    value = (
        [row, row] if form == "instances" else {name: [array, array] for name, array in row.items()}
    )
    status, answer = rest(
        f"{server.url}/v1/models/small:predict", {"signature_name": "tensors", form: value}
    )
    assert status == 200
    np.testing.assert_array_equal(answer[key], [alone, alone])


def lines(content):
    """base64 as `base64` and MIME write it, in lines of 76."""
    return {"b64": base64.encodebytes(content).decode()}


def unpadded(content):
    return {"b64": base64.b64encode(content).decode().rstrip("=")}


@pytest.mark.parametrize("write", [pytest.param(lines, marks=pytest.mark.slow), unpadded])
def test_base64_in_lines_and_without_padding(server, painter, pair, write):
    photo, mask = pair
    for extra in range(3):  # every length of the padding
        inputs = {
            "image_bytes": [write(png(photo) + bytes(extra))],
            "mask_bytes": [write(png(mask) + bytes(extra))],
        }
        status, answer = rest(f"{server.url}/v1/models/small:predict", {"inputs": inputs})
        assert status == 200
        np.testing.assert_array_equal(picture(unb64(answer["outputs"][0])), painter.fill(*pair))


@pytest.mark.parametrize(
    "change, headers",
    [
        pytest.param(gzip.compress, {"Content-Encoding": "gzip"}, id="gzip"),
        pytest.param(
            lambda body: gzip.compress(b"\xef\xbb\xbf" + body),
            {"Content-Encoding": "gzip"},
            id="mark in gzip",
        ),
        *(
            pytest.param(change, headers, id=name, marks=pytest.mark.slow)
            for change, headers, name in (
                (gzip.compress, {"Content-Encoding": "x-gzip"}, "x-gzip"),
                (lambda body: b"\xef\xbb\xbf" + body, {}, "mark"),
                (lambda body: body, {"Content-Encoding": "identity"}, "identity"),
                (lambda body: body, {"Content-Type": "text/plain"}, "text"),
            )
        ),
    ],
)
def test_bodies_as_people_send_them(server, painter, pair, change, headers):
    body = change(json.dumps(columns(*pair)).encode())
    status, answer = rest(f"{server.url}/v1/models/small:predict", body, headers=headers)
    assert status == 200, answer
    np.testing.assert_array_equal(picture(unb64(answer["outputs"][0])), painter.fill(*pair))


def test_paths_in_capitals(server, painter, pair):
    status, answer = rest(f"{server.url}/V1/Models/small/VERSIONS/1:predict", columns(*pair))
    assert status == 200
    np.testing.assert_array_equal(picture(unb64(answer["outputs"][0])), painter.fill(*pair))


# ----------------------------------------------------------------------------------- REST: mistakes

PHOTO, MASK = small_pair(24, 32)
GOOD = columns(PHOTO, MASK)["inputs"]
PACKED = gzip.compress(json.dumps({"inputs": GOOD}).encode(), mtime=0)
ROW = {"image": PHOTO.tolist(), "mask": MASK[..., np.newaxis].tolist()}


@pytest.mark.parametrize(
    "body, words",
    [
        (b"not JSON", "JSON"),
        (b"", "JSON"),
        ([], "JSON object"),
        ({}, "'instances' or 'inputs'"),
        ({"inputs": GOOD, "instances": []}, "'instances' or 'inputs'"),
        ({"instances": []}, "'instances'"),
        ({"inputs": GOOD, "signature_name": "nix"}, "serving_default, tensors"),
        ({"inputs": GOOD, "signature_name": 1}, "signature_name"),
        ({"inputs": {"image_bytes": GOOD["image_bytes"]}}, "mask_bytes"),
        ({"inputs": [1]}, "mask_bytes"),
        ({"inputs": {**GOOD, "image_bytes": [b64(b"no picture")]}}, "image_bytes"),
        ({"inputs": {**GOOD, "mask_bytes": [b64(b"")]}}, "mask_bytes"),
        ({"inputs": {**GOOD, "image_bytes": [b64(png(PHOTO)[:200])]}}, "image_bytes"),
        ({"inputs": {**GOOD, "image_bytes": [{"b64": "##"}]}}, "image_bytes"),
        ({"inputs": {**GOOD, "image_bytes": [{"b64": "é"}]}}, "image_bytes"),
        ({"inputs": {**GOOD, "image_bytes": GOOD["image_bytes"][0]}}, "image_bytes"),
        ({"inputs": {**GOOD, "image_bytes": [GOOD["image_bytes"]]}}, "image_bytes"),
        ({"inputs": {**GOOD, "image_bytes": [GOOD["image_bytes"], "a"]}}, "image_bytes"),
        (
            {"inputs": {**GOOD, "image_bytes": 2 * GOOD["image_bytes"]}},
            "one entry for each photograph",
        ),
        ({"inputs": {**GOOD, "mask_bytes": [b64(png(MASK[:, 1:]))]}}, "size of its photograph"),
        ({"inputs": {**GOOD, "mask_bytes": [b64(png(0 * MASK))]}}, "no hole"),
        ({"inputs": {**GOOD, "mask_bytes": [b64(png(np.minimum(MASK, 127)))]}}, "no hole"),
        ({"signature_name": "tensors", "instances": [{**ROW, "image": [[[256, 0, 0]]]}]}, "256"),
        ({"signature_name": "tensors", "instances": [{**ROW, "image": [[[0.5, 0, 0]]]}]}, "uint8"),
        ({"signature_name": "tensors", "instances": [{**ROW, "image": MASK.tolist()}]}, "image"),
        (
            {"signature_name": "tensors", "instances": [{**ROW, "mask": ROW["mask"][1:]}]},
            "size of its photograph",
        ),
        (
            {
                "signature_name": "tensors",
                "instances": [{**ROW, "mask": (0 * MASK[..., np.newaxis]).tolist()}],
            },
            "no hole",
        ),
        (
            {
                "signature_name": "tensors",
                "inputs": {"image": [ROW["image"]] * 2, "mask": [ROW["mask"]]},
            },
            "one entry for each photograph",
        ),
        ({"signature_name": "tensors", "inputs": {"image": [], "mask": []}}, "image"),
    ],
)
def test_a_mistake_is_a_400_and_the_server_goes_on(server, painter, body, words):
    status, answer = rest(f"{server.url}/v1/models/small:predict", body)
    assert status == 400 and set(answer) == {"error"} and words in answer["error"]
    # The message names no nodes of the graph.
    assert not any(
        noise in answer["error"] for noise in ("\n", "[[", "StatefulPartitionedCall", "Traceback")
    )
    status, answer = rest(f"{server.url}/v1/models/small:predict", {"inputs": GOOD})
    assert status == 200
    np.testing.assert_array_equal(picture(unb64(answer["outputs"][0])), painter.fill(PHOTO, MASK))


@pytest.mark.parametrize(
    "body, words",
    [
        (b"no gzip", "no gzip"),
        (b"", "breaks off"),
        (PACKED[:-1], "breaks off"),
        (PACKED[: len(PACKED) // 2], "breaks off"),
        (PACKED[:-8] + bytes(8), "no gzip"),
        (PACKED + b"more", "goes on after the end"),
        (PACKED + PACKED, "goes on after the end"),
        (zlib.compress(json.dumps({"inputs": GOOD}).encode()), "no gzip"),
        (gzip.compress(b"", mtime=0), "The document is empty"),  # the time would be in its name
    ],
)
def test_a_body_that_is_no_gzip_is_a_400(server, body, words):
    status, answer = rest(
        f"{server.url}/v1/models/small:predict", body, headers={"Content-Encoding": "gzip"}
    )
    assert status == 400 and words in answer["error"]
    assert rest(f"{server.url}/v1/models/small:predict", {"inputs": GOOD})[0] == 200


def test_a_gzip_that_is_not_said_to_be_one_is_a_400(server):
    status, answer = rest(f"{server.url}/v1/models/small:predict", PACKED)
    assert status == 400 and "JSON Parse error" in answer["error"]


@pytest.mark.parametrize("name", ["nix", "small/versions/2", "small/versions/0", "SMALL"])
@pytest.mark.parametrize("what", ["", "/metadata", ":predict"])
def test_an_unknown_model_or_version_is_a_404(server, name, what):
    status, answer = rest(
        f"{server.url}/v1/models/{name}{what}", {"inputs": GOOD} if what == ":predict" else None
    )
    assert status == 404 and set(answer) == {"error"}
    which = "Specific(small, " if "versions" in name else f"Latest({name})"
    assert answer["error"].startswith(f"Servable not found for request: {which}")


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v1/models/small:predict"),
        ("POST", "/v1/models/small"),
        ("POST", "/v1/models/small/metadata"),
        ("GET", "/v1/models/small/"),
        ("POST", "/v1/models/small:nix"),
        ("POST", "/v1/models/small:PREDICT"),
        ("POST", "/v1/models/small:predict?a=1"),
        ("POST", "/v1/models/small:predict/"),
        ("POST", "/v1/models/small/versions/one:predict"),
        ("POST", "/v1/models/small/versions/:predict"),
        ("POST", "/v1/models/:predict"),
        ("GET", "/v1/models"),
        ("GET", "/v1/nix"),
        ("PUT", "/v1/models/small:predict"),
        ("DELETE", "/v1/models/small"),
        ("PATCH", "/v1/models/small"),
        ("GET", "/v1/models/small%2Fmetadata%2Fx"),
        ("GET", "/v1/models/small/versions/-1"),
    ],
)
def test_a_path_or_a_method_that_is_not_there_is_a_400(server, method, path):
    status, answer = rest(server.url + path, None if method == "GET" else {"inputs": GOOD}, method)
    assert (
        status == 400
        and answer == {"error": answer["error"]}
        and answer["error"].startswith(f"Malformed request: {method} /v1/")
    )


def test_what_is_none_of_its_paths_is_no_success(server):
    assert rest(server.url + "/")[0] in (400, 404) and rest(server.url + "/nix")[0] in (400, 404)


# --------------------------------------------------------------------------------------------- gRPC


@pytest.fixture(scope="module")
def grpc_stubs(server):
    return stubs(server.grpc_address)


@pytest.mark.parametrize("signature, version", [("", None), ("serving_default", 1)])
def test_grpc_predict(grpc_stubs, painter, pair, signature, version):
    response = grpc_stubs[0].Predict(
        predict_request(files(*pair), signature=signature, version=version), timeout=60
    )
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("small", 1, "serving_default")
    assert list(response.outputs) == ["filled_bytes"]
    tensor = response.outputs["filled_bytes"]
    assert tensor.dtype == tf.string and [dim.size for dim in tensor.tensor_shape.dim] == [1]
    np.testing.assert_array_equal(picture(tensor.string_val[0]), painter.fill(*pair))


def test_grpc_tensors(grpc_stubs, painter, pair):
    response = grpc_stubs[0].Predict(
        predict_request(arrays(*pair), signature="tensors"), timeout=60
    )
    assert response.model_spec.signature_name == "tensors"
    np.testing.assert_array_equal(
        tf.make_ndarray(response.outputs["filled"]), painter.fill(*pair)[np.newaxis]
    )


def test_grpc_output_filter(grpc_stubs):
    one = predict_request(files(PHOTO, MASK), output_filter=["filled_bytes"])
    assert list(grpc_stubs[0].Predict(one, timeout=60).outputs) == ["filled_bytes"]


@pytest.mark.parametrize(
    "names", [["nix"], ["filled_bytes", "nix"], ["filled"], ["filled_bytes", "filled_bytes"]]
)
def test_grpc_output_filter_of_unknown_or_doubled_names(grpc_stubs, names):
    assert (
        code(grpc_stubs[0].Predict, predict_request(files(PHOTO, MASK), output_filter=names))[0]
        == "INVALID_ARGUMENT"
    )


@pytest.mark.parametrize(
    "name, version", [("nix", None), ("nix", 1), ("small", 2), ("small", 0), ("small", -1)]
)
def test_grpc_an_unknown_model_or_version_is_not_found(grpc_stubs, name, version):
    prediction, models = grpc_stubs
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    status = get_model_status_pb2.GetModelStatusRequest()
    for request in (metadata, status):
        request.model_spec.name = name
        if version is not None:
            request.model_spec.version.value = version
    for call, request in (
        (prediction.Predict, predict_request(files(PHOTO, MASK), name, version=version)),
        (prediction.GetModelMetadata, metadata),
        (models.GetModelStatus, status),
    ):
        assert code(call, request)[0] == "NOT_FOUND"


BROKEN = tf.make_tensor_proto(np.zeros((1, 24, 32, 3), np.uint8))
BROKEN.tensor_content = BROKEN.tensor_content[:-1]
TYPELESS = TensorProto()
# One value, which is to be repeated to fill 300 TB.
HUGE = TensorProto(dtype=tf.uint8.as_datatype_enum, int_val=[0])
for size in (1, 10**7, 10**7, 3):
    HUGE.tensor_shape.dim.add(size=size)


@pytest.mark.parametrize(
    "signature, changes, words",
    [
        ("", {"image_bytes": [b"no picture"]}, "image_bytes"),
        ("", {"mask_bytes": [b""]}, "mask_bytes"),
        ("", {"mask_bytes": [png(MASK[1:])]}, "size of its photograph"),
        ("", {"mask_bytes": [png(0 * MASK)]}, "no hole"),
        ("", {"mask_bytes": None}, "mask_bytes"),
        ("", {"more": [b"a"]}, "more"),
        ("", {"image_bytes": np.zeros(1, np.uint8)}, "image_bytes"),
        ("", {"image_bytes": b"a"}, "image_bytes"),
        ("", {"image_bytes": [png(PHOTO)] * 2}, "one entry for each photograph"),
        ("", {"image_bytes": TYPELESS}, "image_bytes"),
        ("tensors", {"image": PHOTO[np.newaxis].astype(np.float32)}, "image"),
        ("tensors", {"image": PHOTO}, "image"),
        ("tensors", {"mask": MASK[np.newaxis]}, "mask"),
        ("tensors", {"mask": MASK[np.newaxis, 1:, :, np.newaxis]}, "size of its photograph"),
        ("tensors", {"image": np.stack([PHOTO] * 2)}, "one entry for each photograph"),
        ("tensors", {"image": BROKEN}, "image"),
    ],
)
def test_grpc_mistakes_are_invalid_arguments(grpc_stubs, painter, signature, changes, words):
    inputs = {**(arrays(PHOTO, MASK) if signature else files(PHOTO, MASK)), **changes}
    inputs = {name: value for name, value in inputs.items() if value is not None}
    name, message = code(grpc_stubs[0].Predict, predict_request(inputs, signature=signature))
    assert name == "INVALID_ARGUMENT" and words in message
    response = grpc_stubs[0].Predict(predict_request(files(PHOTO, MASK)), timeout=60)
    np.testing.assert_array_equal(
        picture(response.outputs["filled_bytes"].string_val[0]), painter.fill(PHOTO, MASK)
    )


def test_grpc_a_tensor_that_fits_into_no_memory(grpc_stubs):
    inputs = {**arrays(PHOTO, MASK), "image": HUGE}
    assert code(grpc_stubs[0].Predict, predict_request(inputs, signature="tensors"))[0] in (
        "INVALID_ARGUMENT",
        "RESOURCE_EXHAUSTED",
    )


def test_grpc_an_unknown_signature_is_a_failed_precondition(grpc_stubs):
    # The code is TensorFlow Serving's (predict_util.cc). By REST it is INVALID_ARGUMENT.
    assert (
        code(grpc_stubs[0].Predict, predict_request(files(PHOTO, MASK), signature="nix"))[0]
        == "FAILED_PRECONDITION"
    )


def test_grpc_metadata_is_that_of_rest(server, grpc_stubs):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "small"
    response = grpc_stubs[0].GetModelMetadata(request, timeout=60)
    assert (
        response.model_spec.name == "small"
        and response.model_spec.version.value == 1
        and list(response.metadata) == ["signature_def"]
    )
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    by_rest = rest(server.url + "/v1/models/small/metadata")[1]["metadata"]["signature_def"][
        "signature_def"
    ]
    for name in ("serving_default", "tensors"):
        assert (
            json_format.ParseDict(by_rest[name], type(signatures.signature_def[name])())
            == signatures.signature_def[name]
        )


@pytest.mark.parametrize("fields", [[], ["nix"]])
def test_grpc_metadata_wants_the_field_that_it_has(grpc_stubs, fields):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = "small"
    assert code(grpc_stubs[0].GetModelMetadata, request)[0] == "INVALID_ARGUMENT"


def test_grpc_status(grpc_stubs):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "small"
    (only,) = grpc_stubs[1].GetModelStatus(request, timeout=60).model_version_status
    assert (
        only.version == 1
        and only.state == only.AVAILABLE
        and only.status.error_code == 0
        and only.status.error_message == ""
    )


# ------------------------------------------------------------------------------------------ a crowd


class Slow:
    """Wraps a signature; each call waits until it may go on."""

    def __init__(self, function):
        self.function, self.structured_input_signature = (
            function,
            function.structured_input_signature,
        )
        self.begun, self.may_go_on = threading.Semaphore(0), threading.Event()

    def __call__(self, **inputs):
        self.begun.release()
        assert self.may_go_on.wait(60)
        return self.function(**inputs)


@pytest.fixture
def loaded(server, monkeypatch):
    """Lets servers use the loaded model, which saves the seconds of loading it again."""
    monkeypatch.setattr(
        tf.saved_model, "load", lambda path, model=server.models["small"]._model: model
    )


@pytest.fixture
def slow(exported, loaded, monkeypatch):
    """slow(at_once, waiting) -> a server whose fills wait, and the Slow that they wait for."""
    servers = []

    def start(at_once, waiting):
        servers.append(
            Server({"small": str(exported)}, port=0, grpc_port=0, at_once=at_once, waiting=waiting)
        )
        model = servers[-1].models["small"]
        function = Slow(model._function("serving_default"))
        monkeypatch.setattr(model, "_function", lambda signature: function)
        return servers[-1], function

    yield start
    for one in servers:
        one.stop()


class InBackground(threading.Thread):
    """Runs a call in a thread; `result()` waits for its result."""

    def __init__(self, call):
        super().__init__(daemon=True)
        self._call = call
        self.start()

    def run(self):
        self._result = self._call()

    def result(self):
        self.join(60)
        return self._result


def test_who_finds_no_place_is_turned_away_at_once(slow, painter):
    server, function = slow(at_once=1, waiting=0)
    url, prediction = f"{server.url}/v1/models/small:predict", stubs(server.grpc_address)[0]
    first = InBackground(lambda: rest(url, {"inputs": GOOD}))
    assert function.begun.acquire(timeout=60)
    # The first one goes on only below, so who waited for its place would not be answered.
    status, answer = rest(url, {"inputs": GOOD})
    assert status == 503 and set(answer) == {"error"} and "busy" in answer["error"]
    assert code(prediction.Predict, predict_request(files(PHOTO, MASK)))[0] == "UNAVAILABLE"
    # A request that costs nothing is still answered.
    assert rest(f"{server.url}/v1/models/small")[0] == 200
    function.may_go_on.set()
    assert first.result()[0] == 200
    status, answer = rest(url, {"inputs": GOOD})  # the place is free again
    np.testing.assert_array_equal(picture(unb64(answer["outputs"][0])), painter.fill(PHOTO, MASK))
    assert code(prediction.Predict, predict_request(files(PHOTO, MASK)))[0] == "OK"


def test_who_waits_is_answered_in_the_end(slow):
    server, function = slow(at_once=1, waiting=2)
    url = f"{server.url}/v1/models/small:predict"
    asked = [InBackground(lambda: rest(url, {"inputs": GOOD})[0]) for _ in range(3)]
    assert function.begun.acquire(timeout=60)
    until(lambda: server.models["small"]._places._value == 0)  # all three have arrived
    # The model fills one request at a time.
    assert rest(url, {"inputs": GOOD})[0] == 503 and not function.begun.acquire(timeout=0.2)
    function.may_go_on.set()
    assert [one.result() for one in asked] == [200] * 3


def test_an_error_gives_its_place_back(slow):
    server, function = slow(at_once=1, waiting=0)
    function.may_go_on.set()
    bad = {"inputs": {**GOOD, "mask_bytes": [b64(png(0 * MASK))]}}
    assert [
        rest(f"{server.url}/v1/models/small:predict", body)[0]
        for body in (bad, bad, {"inputs": GOOD})
    ] == [400, 400, 200]


def test_what_has_begun_is_answered_when_the_server_stops(slow):
    server, function = slow(at_once=2, waiting=0)
    prediction = stubs(server.grpc_address)[0]
    asked = [
        InBackground(lambda: rest(f"{server.url}/v1/models/small:predict", {"inputs": GOOD})[0]),
        InBackground(lambda: code(prediction.Predict, predict_request(files(PHOTO, MASK)))[0]),
    ]
    assert function.begun.acquire(timeout=60) and function.begun.acquire(timeout=60)
    stopping = InBackground(server.stop)
    time.sleep(0.3)
    function.may_go_on.set()
    assert [one.result() for one in asked] == [200, "OK"]
    stopping.result()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=5)


def test_what_waits_is_turned_away_when_the_server_stops(slow):
    server, function = slow(at_once=1, waiting=3)
    url, body = f"{server.url}/v1/models/small:predict", {"inputs": GOOD}
    first = InBackground(lambda: rest(url, body))
    assert function.begun.acquire(timeout=60)
    others = [InBackground(lambda: rest(url, body)) for _ in range(3)]
    until(lambda: server.models["small"]._places._value == 0)  # they have arrived
    stopping = InBackground(server.stop)
    for other in others:
        status, answer = other.result()
        assert (status, answer["error"]) == (503, "The server is ending")
    function.may_go_on.set()
    assert first.result()[0] == 200
    stopping.result()
    assert not function.begun.acquire(blocking=False), "one that waited was computed"


# -------------------------------------------------------------------------------- the server itself


@pytest.fixture
def narrow(server, monkeypatch):
    """A server of the same model that accepts requests of at most 4 kB."""
    monkeypatch.setattr(server_module, "LARGEST", 4096)
    with Server({}, port=0, grpc_port=0) as narrow:
        narrow.models.update(server.models)  # already loaded
        yield narrow


def test_a_request_that_is_too_large(narrow):
    large, _ = small_pair(80, 80)
    fitting = {"inputs": {**GOOD, "image_bytes": [b64(png(0 * PHOTO))]}}
    for _ in range(2):
        status, answer = rest(
            f"{narrow.url}/v1/models/small:predict",
            {"inputs": {**GOOD, "image_bytes": [b64(png(large))]}},
        )
        assert status == 429 and set(answer) == {"error"} and "at most" in answer["error"]
        assert rest(f"{narrow.url}/v1/models/small:predict", fitting)[0] == 200
    prediction = stubs(narrow.grpc_address)[0]
    assert code(prediction.Predict, predict_request(files(large, MASK)))[0] == "RESOURCE_EXHAUSTED"
    assert code(prediction.Predict, predict_request(files(0 * PHOTO, MASK)))[0] == "OK"


def test_a_body_that_is_too_large_when_it_is_unpacked(narrow):
    packed, url = {"Content-Encoding": "gzip"}, f"{narrow.url}/v1/models/small:predict"
    body = json.dumps({"inputs": columns(0 * PHOTO, MASK)["inputs"]}).encode()
    assert rest(url, gzip.compress(body.ljust(4096)), headers=packed)[0] == 200
    for content in (body.ljust(4097), bytes(2**21)):
        assert len(gzip.compress(content)) < 4096
        status, answer = rest(url, gzip.compress(content), headers=packed)
        assert status == 429 and "at most" in answer["error"]


def test_a_gzip_bomb_stays_packed():
    bomb = gzip.compress(bytes(2**27))

    class Request:
        headers = {"content-encoding": "gzip"}

        async def stream(self):
            for start in range(0, len(bomb), 65536):
                yield bomb[start : start + 65536]

    tracemalloc.start()
    with pytest.raises(ServingError, match="at most 1 MB"):
        asyncio.run(rest_module._body(Request(), 2**20, lambda size: None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23 < len(bomb) * 1000


def test_a_port_that_is_taken(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"`port={port}` "):
            Server({}, port=port, grpc_port=None)
        other = free_port()
        with pytest.raises(SettingsError, match=f"`grpc_port={port}` "):
            Server({}, port=other, grpc_port=port)
    # The REST side had started; it has released its port.
    with Server({}, port=other, grpc_port=None):
        pass
    # The port is held by another server of this kind.
    with pytest.raises(
        SettingsError, match=f"`grpc_port={server.grpc_address.rpartition(':')[2]}` "
    ):
        Server({}, port=None, grpc_port=int(server.grpc_address.rpartition(":")[2]))


def test_a_side_can_be_left_out(server):
    with Server({}, port=0, grpc_port=None) as one, Server({}, port=None, grpc_port=0) as other:
        assert one.url and one.grpc_address is None and other.url is None and other.grpc_address
        assert rest(one.url + "/v1/models/small")[0] == 404


def test_routes_share_the_port(server):
    with Server(
        {},
        port=0,
        grpc_port=None,
        routes=[Route("/hello", lambda request: PlainTextResponse("hi"))],
    ) as one:
        import urllib.request

        with urllib.request.urlopen(one.url + "/hello") as response:
            assert response.read() == b"hi"
        assert rest(one.url + "/v1/models/nix")[0] == 404


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: None,
        lambda folder: folder.mkdir(),
        lambda folder: (folder / "1").mkdir(parents=True),
        lambda folder: [
            (folder / "1").mkdir(parents=True),
            (folder / "1/saved_model.pb").write_bytes(b"no model"),
        ],
    ],
    ids=["nothing", "empty folder", "empty version", "damaged"],
)
def test_a_folder_without_a_model(tmp_path, make):
    make(tmp_path / "paris")
    with pytest.raises(
        SettingsError, match=r"\S+/paris(/1)? is no model that `export` wrote, or it is damaged"
    ):
        Server({"paris": str(tmp_path / "paris")}, port=0, grpc_port=0)


@pytest.mark.slow
def test_the_highest_version_of_a_folder_is_taken(exported, tmp_path):
    for version in ("2", "10", "old"):
        shutil.copytree(exported / "1", tmp_path / version)
        # The warm-up requests are removed: their absence is no error.
        shutil.rmtree(tmp_path / version / "assets.extra")
    assert Servable("a", str(tmp_path)).version == 10


def test_a_version_directory_can_be_named(exported, loaded):
    assert Servable("a", str(exported / "1")).version == 1


def test_each_model_has_its_places(monkeypatch):
    """Where two models are full, a further request is turned away at once."""
    go_on = threading.Event()

    class Slow:
        version, signature_defs = 1, {}

        def __init__(self, name, path, at_once, waiting):
            self.name, self.places = name, threading.BoundedSemaphore(at_once + waiting)

        def end(self, seconds):
            go_on.set()

        def input_dtypes(self, signature):
            return {"x": np.dtype(np.int32)}

        def predict(self, signature, inputs):
            if not self.places.acquire(blocking=False):
                raise ServingError("UNAVAILABLE", "busy")
            assert go_on.wait(20)
            return inputs

    monkeypatch.setattr(server_module, "Servable", Slow)
    with (
        Server({"a": "", "b": ""}, port=0, grpc_port=None, at_once=1, waiting=9) as one,
        concurrent.futures.ThreadPoolExecutor(20) as pool,
    ):
        urls = [f"{one.url}/v1/models/{name}:predict" for name in "ab" for _ in range(10)]
        asked = [pool.submit(rest, url, {"inputs": [1]}) for url in urls]
        try:
            until(lambda: not any(one.models[name].places._value for name in "ab"))
            assert [rest(url, {"inputs": [1]})[0] for url in urls[::10]] == [503, 503]
        finally:
            go_on.set()
        assert [answer.result()[0] for answer in asked] == [200] * 20


def test_answers_become_json_beside_the_event_loop(server, monkeypatch):
    """An answer of many megabytes takes seconds; other requests are read meanwhile."""
    dumps, where = json.dumps, []

    def told(value):
        try:
            asyncio.get_running_loop()
            where.append("loop")
        except RuntimeError:
            where.append("worker")
        return dumps(value)

    monkeypatch.setattr(rest_module, "json", changed(json, dumps=told))
    url, body = server.url + "/v1/models/small", dumps(columns(*small_pair(24, 32))).encode()
    assert rest(url)[0] == rest(f"{url}:predict", body)[0] == 200
    assert where == ["loop", "worker"]


# ------------------------------------------------------------------------------------------ warm-up


def test_warm_up_requests_are_played_when_a_model_is_loaded(exported, loaded, monkeypatch):
    played, predict = [], Servable.predict

    def counted(self, signature, inputs):
        outputs = predict(self, signature, inputs)
        played.append((signature, sorted(inputs), sorted(outputs)))
        return outputs

    monkeypatch.setattr(servable.Servable, "predict", counted)
    Servable("a", str(exported))
    assert played == [
        ("serving_default", ["image_bytes", "mask_bytes"], ["filled_bytes"]),
        ("tensors", ["image", "mask"], ["filled"]),
    ]


def test_warm_up_requests_are_tensorflow_servings_messages(exported):
    path = exported / "1/assets.extra/tf_serving_warmup_requests"
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    assert [log.WhichOneof("log_type") for log in logs] == ["predict_log"] * 2
    requests = {
        log.predict_log.request.model_spec.signature_name: log.predict_log.request.inputs
        for log in logs
    }
    assert set(requests) == {"serving_default", "tensors"}
    image, mask = (tf.make_ndarray(requests["tensors"][name]) for name in ("image", "mask"))
    assert (
        image.dtype == mask.dtype == np.uint8
        and image.shape == (1, 64, 64, 3)
        and mask.shape == (1, 64, 64, 1)
    )
    assert (mask[0, 16:48, 16:48] == 255).all() and mask.astype(int).sum() == 255 * 32 * 32
    image_file, mask_file = (
        tf.make_ndarray(requests["serving_default"][name]) for name in ("image_bytes", "mask_bytes")
    )
    np.testing.assert_array_equal(picture(image_file[0]), image[0])
    np.testing.assert_array_equal(tf.io.decode_png(mask_file[0]), mask[0])
