"""TensorFlow Serving itself, started by tools/serve.sh: its fills are those of the model here.

It answers mistakes as the Python server does. The program is TFSERVING_BIN, or
tensorflow_model_server on the PATH; without it these tests are skipped.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.request

import numpy as np
import pytest
from serving.calls import b64, code, free_port, picture, png, predict_request, rest, stubs, unb64
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from tfinpaint.serving.client import ServerError, connect
from tools import load_test

BINARY = os.environ.get("TFSERVING_BIN") or shutil.which("tensorflow_model_server")
ROOT = pathlib.Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not BINARY,
    reason="no TensorFlow Serving: TFSERVING_BIN is not set, and no tensorflow_model_server is on "
    "the PATH",
)


class Live:
    """The addresses at which the server listens."""

    def __init__(self, rest_port, grpc_port):
        self.url, self.grpc_address = f"http://127.0.0.1:{rest_port}", f"127.0.0.1:{grpc_port}"


@pytest.fixture(scope="module")
def live(exported, tmp_path_factory):
    """The server with the model under two names. If it does not start, its output is shown."""
    ports = free_port(), free_port()
    log = tmp_path_factory.mktemp("live") / "log"
    environment = {
        **os.environ,
        "TFSERVING_BIN": BINARY,
        "REST_PORT": str(ports[0]),
        "GRPC_PORT": str(ports[1]),
    }
    with open(log, "w") as output:
        process = subprocess.Popen(
            [str(ROOT / "tools/serve.sh"), f"small={exported}", f"other={exported}"],
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    try:
        live = Live(*ports)
        end = time.monotonic() + 120
        while not all(_available(live.url, name) for name in ("small", "other")):
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-4000:]
            time.sleep(0.2)
        yield live
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)  # the script and its server
            process.wait(20)
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def _available(url, name):
    try:
        status, answer = rest(f"{url}/v1/models/{name}")
    except OSError:
        return False
    return status == 200 and [one["state"] for one in answer["model_version_status"]] == [
        "AVAILABLE"
    ]


@pytest.fixture(params=["rest", "rest version", "grpc", "grpc version"])
def url(request, live):
    version = "/versions/1" if "version" in request.param else ""
    return (
        f"{live.url}/v1/models/small{version}"
        if request.param.startswith("rest")
        else f"grpc://{live.grpc_address}/small{version}"
    )


def check(filled, painter, photo, mask, grow=0):
    """Known pixels are exact; the others are within one level.

    Another build of TensorFlow adds in another order.
    """
    want = painter.fill(photo, mask, grow)
    known = mask <= 127 if not grow else (want == photo).all(-1)
    np.testing.assert_array_equal(filled[known], want[known])
    assert filled.shape == photo.shape and np.abs(filled.astype(int) - want).max() <= 1


# ------------------------------------------------------------------------------------------ filling


def test_a_fill_is_that_of_the_model(url, painter, pair):
    check(connect(url).fill(*pair), painter, *pair)


def test_a_hole_is_grown(url, painter, pair):
    check(connect(url).fill(*pair, grow=5), painter, *pair, grow=5)


def test_what_lies_under_the_hole_is_of_no_influence(url, pair):
    photo, mask = pair
    other = np.where(mask[..., np.newaxis] > 127, 255 - photo, photo)
    np.testing.assert_array_equal(connect(url).fill(other, mask), connect(url).fill(photo, mask))


def test_every_model_of_the_command_line_is_served(live, painter, pair):
    check(connect(f"{live.url}/v1/models/other").fill(*pair), painter, *pair)


def test_rows_of_mixed_sizes(live, painter, pair):
    photo, mask = pair
    pairs = [(photo, mask), (photo[:100, :77], mask[:100, :77])]
    instances = [
        {"image_bytes": b64(png(one)), "mask_bytes": b64(png(other))} for one, other in pairs
    ]
    status, answer = rest(f"{live.url}/v1/models/small:predict", {"instances": instances})
    assert status == 200
    for value, one in zip(answer["predictions"], pairs, strict=True):
        check(picture(unb64(value)), painter, *one)


def test_tensors_give_what_files_give(live, pair):
    photo, mask = (array[50:100, 20:80] for array in pair)
    alone = connect(f"{live.url}/v1/models/small").fill(photo, mask)
    inputs = {"image": [photo.tolist()] * 2, "mask": [mask[..., np.newaxis].tolist()] * 2}
    status, answer = rest(
        f"{live.url}/v1/models/small:predict", {"signature_name": "tensors", "inputs": inputs}
    )
    assert status == 200
    np.testing.assert_array_equal(answer["outputs"], [alone] * 2)


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_many_clients_at_once_get_what_one_gets(live, pair, kind):
    url = f"{live.url}/v1/models/small" if kind == "rest" else f"grpc://{live.grpc_address}/small"
    result = load_test.load(url, *(array[40:104, 20:84] for array in pair), requests=200, clients=8)
    assert result["errors"] == [] and result["different"] == 0


# ---------------------------------------------------------------------- the Python server's answers


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/small",
        "/v1/models/small/versions/1",
        "/v1/models/nix",
        "/v1/models/small/metadata",
    ],
)
def test_it_tells_what_the_python_server_tells(live, server, path):
    status, answer = rest(live.url + path)
    other_status, other = rest(server.url + path)
    assert status == other_status and set(answer) == set(other)
    if path.endswith("metadata"):
        assert answer["model_spec"] == other["model_spec"]
        answer, other = (
            {
                name: one["metadata"]["signature_def"]["signature_def"][name]
                for name in ("serving_default", "tensors")
            }
            for one in (answer, other)
        )
    if status == 200:
        assert answer == other


def _predictions(pair):
    """REST requests: bodies that both servers accept or refuse."""
    photo, mask = (array[50:100, 20:80] for array in pair)
    good = {"image_bytes": [b64(png(photo))], "mask_bytes": [b64(png(mask))]}
    row = {"image": photo.tolist(), "mask": mask[..., np.newaxis].tolist()}
    return [
        {"inputs": good},
        {"instances": [{name: value[0] for name, value in good.items()}]},
        b"not JSON",
        b"",
        [],
        {},
        {"inputs": good, "instances": []},
        {"instances": []},
        {"inputs": [1]},
        {"inputs": good, "signature_name": "nix"},
        {"inputs": good, "signature_name": 1},
        {"inputs": {"image_bytes": good["image_bytes"]}},
        {"inputs": {**good, "image_bytes": [b64(b"no picture")]}},
        {"inputs": {**good, "mask_bytes": [b64(b"")]}},
        {"inputs": {**good, "image_bytes": [{"b64": "##"}]}},
        {"inputs": {**good, "image_bytes": [good["image_bytes"], "a"]}},
        {"inputs": {**good, "image_bytes": 2 * good["image_bytes"]}},
        {"inputs": {**good, "mask_bytes": [b64(png(mask[:, 1:]))]}},
        {"inputs": {**good, "mask_bytes": [b64(png(0 * mask))]}},
        {"signature_name": "tensors", "instances": [{**row, "image": [[[0.5, 0, 0]]]}]},
        {"signature_name": "tensors", "instances": [{**row, "mask": row["mask"][1:]}]},
        {
            "signature_name": "tensors",
            "instances": [{**row, "mask": (0 * mask[..., np.newaxis]).tolist()}],
        },
    ]


@pytest.mark.parametrize("number", range(22))
def test_rest_statuses_are_those_of_the_python_server(live, server, pair, number):
    body = _predictions(pair)[number]
    status, answer = rest(f"{live.url}/v1/models/small:predict", body)
    other_status, other = rest(f"{server.url}/v1/models/small:predict", body)
    assert status == other_status and set(answer) == set(other)
    # The server keeps answering.
    assert rest(f"{live.url}/v1/models/small:predict", _predictions(pair)[0])[0] == 200


@pytest.mark.parametrize("words, cut", [("no hole", False), ("size of its photograph", True)])
def test_the_models_own_messages_reach_the_client(live, pair, words, cut):
    photo, mask = pair
    files = (png(photo), png(mask[1:])) if cut else (png(photo), png(0 * mask))
    for url in (f"{live.url}/v1/models/small", f"grpc://{live.grpc_address}/small"):
        with pytest.raises(ServerError, match=f"answered (400|INVALID_ARGUMENT): .*{words}"):
            connect(url).fill_bytes(*files)


def _grpc_requests(pair):
    """Pairs of a method's name and a request for it."""
    photo, mask = (array[50:100, 20:80] for array in pair)
    files = {"image_bytes": [png(photo)], "mask_bytes": [png(mask)]}
    arrays = {"image": photo[np.newaxis], "mask": mask[np.newaxis, ..., np.newaxis]}
    metadata, bare = (
        get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
        for fields in (["signature_def"], [])
    )
    status, unknown = (
        get_model_status_pb2.GetModelStatusRequest(),
        get_model_status_pb2.GetModelStatusRequest(),
    )
    metadata.model_spec.name = bare.model_spec.name = status.model_spec.name = "small"
    unknown.model_spec.name = "nix"
    predictions = [
        predict_request(files),
        predict_request(files, version=1),
        predict_request(arrays, signature="tensors"),
        predict_request(files, output_filter=["filled_bytes"]),
        predict_request(files, output_filter=["nix"]),
        predict_request(files, output_filter=["filled_bytes"] * 2),
        predict_request(files, "nix"),
        predict_request(files, version=7),
        predict_request(files, signature="nix"),
        predict_request({"image_bytes": files["image_bytes"]}),
        predict_request({**files, "more": [b"a"]}),
        predict_request({**files, "image_bytes": [b"no picture"]}),
        predict_request({**files, "mask_bytes": [png(0 * mask)]}),
        predict_request({**files, "image_bytes": np.zeros(1, np.uint8)}),
        predict_request(
            {**arrays, "image": arrays["image"].astype(np.float32)}, signature="tensors"
        ),
        predict_request({**arrays, "image": arrays["image"][0]}, signature="tensors"),
    ]
    return [("Predict", request) for request in predictions] + [
        ("GetModelMetadata", metadata),
        ("GetModelMetadata", bare),
        ("GetModelStatus", status),
        ("GetModelStatus", unknown),
    ]


@pytest.mark.parametrize("number", range(20))
def test_grpc_codes_are_those_of_the_python_server(live, server, pair, number):
    method, request = _grpc_requests(pair)[number]
    codes = [
        code(getattr(stubs(one.grpc_address)[method == "GetModelStatus"], method), request)[0]
        for one in (live, server)
    ]
    assert codes[0] == codes[1]


def test_prometheus_finds_figures(live):
    with urllib.request.urlopen(f"{live.url}/metrics") as response:
        assert b":tensorflow:serving" in response.read()
