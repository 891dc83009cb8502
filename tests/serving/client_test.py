"""The REST and gRPC clients: a server's fill is the fill of the model in this process.

Every trouble with a server is reported in one clear line.
"""

import concurrent.futures
import json
import re
import subprocess
import sys
import time

import grpc
import numpy as np
import pytest
from serving.calls import answer_of, b64, free_port, http_server, png, silent_port, small_pair
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tfinpaint.serving.client import GrpcClient, RestClient, ServerError, connect
from tfinpaint.settings import SettingsError

PATH = "/v1/models/small"
OTHER = "answered with no picture of the photograph's size"


@pytest.fixture(
    params=[
        *("rest", "grpc"),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("rest version", "grpc version")),
    ]
)
def client(request, server):
    version = "/versions/1" if "version" in request.param else ""
    rest, grpc_url = f"{server.url}{PATH}{version}", f"grpc://{server.grpc_address}/small{version}"
    return connect(rest if request.param.startswith("rest") else grpc_url)


BUSY = 503, "application/json", b'{"error": "busy"}'


# ------------------------------------------------------------------------------------------ filling


def test_a_fill_is_that_of_the_model(client, painter, pair):
    photo, mask = pair
    filled = client.fill(photo, mask)
    assert filled.dtype == np.uint8 and filled.flags.writeable
    np.testing.assert_array_equal(filled, painter.fill(photo, mask))
    np.testing.assert_array_equal(filled[mask <= 127], photo[mask <= 127])


def test_a_mask_may_be_bool(client, pair):
    photo, mask = pair
    np.testing.assert_array_equal(client.fill(photo, mask > 127), client.fill(photo, mask))


def test_what_lies_under_the_hole_is_of_no_influence(client, pair):
    photo, mask = pair
    other = photo.copy()
    other[mask > 127] = 255 - other[mask > 127]
    np.testing.assert_array_equal(client.fill(other, mask), client.fill(photo, mask))


def test_a_hole_is_grown(client, painter, pair):
    photo, mask = pair
    filled = client.fill(photo, mask, grow=6)
    np.testing.assert_array_equal(filled, painter.fill(photo, mask, grow=6))
    changed = (filled != photo).any(-1)
    # Pixels change only up to 6 pixels around the hole.
    assert changed[54:96, 24:76].sum() == changed.sum() and changed[55, 40:60].any()


def test_arrays_that_are_views_are_sent_as_they_look(client, pair):
    photo, mask = pair
    view, mask_view = photo[::2, ::-1], mask[::2, ::-1]
    np.testing.assert_array_equal(
        client.fill(view, mask_view), client.fill(view.copy(), mask_view.copy())
    )


def test_feather_is_refused(client, pair):
    with pytest.raises(SettingsError, match="`feather` is 0 with `url`.* Got 3"):
        client.fill(*pair, feather=3)


def test_blending_is_refused(client, pair):
    with pytest.raises(SettingsError, match="`blend` is 'none' with `url`.* Got 'poisson'"):
        client.fill(*pair, blend="poisson")


def test_a_wrong_mask_is_told_before_anything_is_sent(pair, closed_port):
    photo, mask = pair
    for client in (
        connect(f"http://127.0.0.1:{closed_port}{PATH}"),
        connect(f"grpc://127.0.0.1:{closed_port}/small"),
    ):
        with pytest.raises(SettingsError, match="A mask has the size of its photograph"):
            client.fill(photo, mask[1:])
        with pytest.raises(SettingsError, match="no hole"):
            client.fill(photo, 0 * mask)
        with pytest.raises(ValueError, match="uint8"):
            client.fill(photo.astype(np.float32), mask)


def test_status(client):
    assert client.status() == [
        {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]


def test_clients_of_many_threads_share_a_connection(client, painter):
    photo, mask = small_pair()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for filled in pool.map(lambda _: client.fill(photo, mask), range(18)):
            np.testing.assert_array_equal(filled, painter.fill(photo, mask))


# --------------------------------------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    "url, kind",
    [
        ("http://localhost:8501/v1/models/paris", RestClient),
        ("https://a.example/v1/models/paris", RestClient),
        ("http://localhost:8501/v1/models/paris/versions/3", RestClient),
        ("http://a.example/under/here/v1/models/paris/", RestClient),
        ("http://[::1]:8501/v1/models/paris", RestClient),
        ("grpc://localhost:8500/paris", GrpcClient),
        ("grpc://localhost:8500/paris/", GrpcClient),
        ("grpc://[::1]:8500/paris/versions/3", GrpcClient),
    ],
)
def test_urls(url, kind):
    assert type(connect(url)) is kind


@pytest.mark.parametrize(
    "url",
    [
        "",
        "paris",
        "localhost:8501",
        "localhost:8501/v1/models/paris",
        "http://localhost:8501",
        "http://localhost:8501/paris",
        "http://localhost:8501/v1/models/",
        "http://localhost:8501/v1/models/paris:predict",
        "http://localhost:8501/v1/models/paris/versions/",
        "http://localhost:8501/v1/models/paris/versions/new",
        "http://localhost:8501/v1/models/paris/metadata",
        "http:///v1/models/paris",
        "http://localhost:8501/v1/models/paris?version=3",
        "http://localhost:8501/v1/models/paris#3",
        "http://[::1/v1/models/paris",
        "grpc://localhost:8500",
        "grpc://localhost:8500/",
        "grpc:///paris",
        "grpc://localhost:8500/v1/models/paris",
        "grpc://localhost/paris",
        "grpc://localhost:8500/paris/versions/x",
        "grpc://localhost:8500/paris?version=3",
        "ftp://localhost:8501/v1/models/paris",
        "http//localhost:8501/v1/models/paris",
        "exported/paris",
    ],
)
def test_what_is_no_url_of_a_model(url):
    with pytest.raises(
        SettingsError,
        match=rf"`url` is http://HOST:PORT/v1/models/NAME or grpc://.* Got {re.escape(repr(url))}",
    ):
        connect(url)


# ------------------------------------------------------------------------------------------ trouble


def said(client, *arguments):
    """The one line of the error that a fill ends with."""
    with pytest.raises(ServerError) as error:
        client.fill(*(arguments or small_pair()))
    assert isinstance(error.value, SettingsError)
    line = str(error.value)
    assert "\n" not in line and line.startswith(str(client)) and len(line) < 400
    return line


@pytest.mark.parametrize("name", ["nix", "small/versions/7"])
def test_a_model_that_the_server_does_not_have(server, name):
    url = f"{server.url}/v1/models/{name}"
    assert said(connect(url)).startswith(f"{url} answered 404: Servable not found for request: ")
    assert " answered NOT_FOUND: Servable not found for request: " in said(
        connect(f"grpc://{server.grpc_address}/{name}")
    )


@pytest.mark.parametrize(
    "url",
    [
        f"http://localhost:8501{PATH}",
        f"http://localhost:8501{PATH}/versions/7",
        "grpc://localhost:8500/small",
        "grpc://localhost:8500/small/versions/7",
    ],
)
def test_messages_name_the_server_as_it_was_named(url):
    assert str(connect(url)) == url


def test_what_the_server_finds_wrong_is_told(server):
    for url, words in (
        (f"{server.url}{PATH}", "answered 400: image_bytes: "),
        (f"grpc://{server.grpc_address}/small", "answered INVALID_ARGUMENT: image_bytes: "),
    ):
        with pytest.raises(ServerError, match=re.escape(f"{url} {words}")):
            connect(url).fill_bytes(b"no picture", png(small_pair()[1]))


@pytest.mark.parametrize("tries", [1, 2])
def test_a_server_that_is_not_there(tries, closed_port, pauses):
    assert "cannot be reached: Connection refused" in said(
        connect(f"http://127.0.0.1:{closed_port}{PATH}", tries=tries)
    )
    assert pauses == [0.5] * (tries - 1)
    assert "UNAVAILABLE" in said(connect(f"grpc://127.0.0.1:{closed_port}/small", tries=tries))


def test_a_host_that_is_not_there():
    assert "cannot be reached" in said(connect(f"http://no-such-host.invalid:8501{PATH}", tries=1))


@pytest.mark.parametrize("host", ["a..b", 70 * "a" + ".de", "a b", "*"])
def test_a_host_that_cannot_be_one(host):
    line = said(connect(f"http://{host}{PATH}", tries=1))
    assert line.startswith(f"http://{host}{PATH} cannot be reached: ") and "\n" not in line


@pytest.mark.parametrize(
    "url", [f"http://127.0.0.1:{{}}{PATH}", "grpc://127.0.0.1:{}/small"], ids=["rest", "grpc"]
)
def test_a_server_that_does_not_answer(url, pauses):
    with silent_port() as port:
        line = said(connect(url.format(port), timeout=0.5))
        assert line == f"{url.format(port)} did not answer within 0.5 s (`timeout`)"
        assert not pauses  # it is not asked again


def test_a_status_that_does_not_come():
    with silent_port() as port:
        for url in (f"http://127.0.0.1:{port}{PATH}", f"grpc://127.0.0.1:{port}/small"):
            with pytest.raises(ServerError, match=r"did not answer within 0.3 s \(`timeout`\)"):
                connect(url, timeout=0.3).status()


def test_a_busy_server_is_asked_again(pauses):
    photo, mask = small_pair()
    with http_server(BUSY, BUSY, answer_of(255 - photo)) as (port, arrivals):
        filled = connect(f"http://127.0.0.1:{port}{PATH}", tries=4).fill(photo, mask)
        np.testing.assert_array_equal(filled, 255 - photo)
        assert len(arrivals) == 3


def test_pauses_double_from_half_a_second_to_five(pauses):
    with http_server(BUSY) as (port, arrivals):
        said(connect(f"http://127.0.0.1:{port}{PATH}", tries=7))
        assert len(arrivals) == 7 and pauses == [0.5, 1, 2, 4, 5, 5]


@pytest.mark.parametrize("tries", [1, 2])
def test_a_server_that_stays_busy_is_left_alone(tries, pauses):
    with http_server(BUSY) as (port, arrivals):
        url = f"http://127.0.0.1:{port}{PATH}"
        assert said(connect(url, tries=tries)) == f"{url} answered 503: busy"
        assert len(arrivals) == tries


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_other_errors_are_not_asked_again(status):
    with http_server((status, "application/json", b'{"error": "such a pity"}')) as (port, arrivals):
        url = f"http://127.0.0.1:{port}{PATH}"
        assert said(connect(url, tries=4)) == f"{url} answered {status}: such a pity"
        assert len(arrivals) == 1


def test_an_error_of_several_lines_is_told_in_one():
    with http_server((400, "application/json", b'{"error": "such a\\n  pity\\n"}')) as (port, _):
        assert said(connect(f"http://127.0.0.1:{port}{PATH}")).endswith("answered 400: such a pity")


@pytest.mark.parametrize("name", ["my model", "café"])
def test_a_busy_server_is_asked_again_whatever_the_model_is_called(name, pauses):
    photo, mask = small_pair()
    with http_server(BUSY, answer_of(255 - photo)) as (port, arrivals):
        connect(f"http://127.0.0.1:{port}/v1/models/{name}", tries=2).fill(photo, mask)
        assert len(arrivals) == 2


def test_a_server_that_starts_later_is_waited_for():
    photo, mask = small_pair()
    port = free_port()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(connect(f"http://127.0.0.1:{port}{PATH}", tries=4).fill, photo, mask)
        time.sleep(0.7)
        with http_server(answer_of(255 - photo), port=port):
            np.testing.assert_array_equal(asked.result(30), 255 - photo)


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_server_of_another_kind(status):
    with http_server((status, "text/html", b"<html>Hello</html>")) as (port, _):
        assert re.search(
            rf"is no such server: it answered {status} [\w ]+, and no JSON",
            said(connect(f"http://127.0.0.1:{port}{PATH}")),
        )


@pytest.mark.parametrize("answer", [
    {}, [], None, 3, "a", {"predictions": []}, {"outputs": []}, {"outputs": None},
    {"outputs": ["a"]}, {"outputs": [{"b64": 3}]}, {"outputs": [{"b64": "Y"}]},
    {"outputs": [{"b64": "é"}]}, {"outputs": {"filled_bytes": []}}, {"error": "none"},
], ids=json.dumps)  # fmt: skip
def test_an_answer_without_a_picture(answer):
    with http_server((200, "application/json", json.dumps(answer).encode())) as (port, _):
        assert "answered without a picture" in said(connect(f"http://127.0.0.1:{port}{PATH}"))


@pytest.mark.parametrize(
    "content",
    [png(np.zeros((24, 31, 3), np.uint8)), b"no picture", b"", png(small_pair()[0])[:100]],
    ids=["another size", "no picture", "empty", "half"],
)
def test_an_answer_with_another_picture(content):
    with http_server(
        (200, "application/json", json.dumps({"outputs": [b64(content)]}).encode())
    ) as (port, _):
        assert OTHER in said(connect(f"http://127.0.0.1:{port}{PATH}"))


@pytest.mark.parametrize("answer", [{}, []], ids=json.dumps)
def test_a_status_of_another_kind(answer):
    with (
        http_server((200, "application/json", json.dumps(answer).encode())) as (port, _),
        pytest.raises(ServerError, match="answered without a status"),
    ):
        connect(f"http://127.0.0.1:{port}{PATH}").status()


def test_an_answer_that_breaks_off():
    status, kind, body = answer_of(small_pair()[0])
    with http_server((status, kind, body[:-20]), missing=20) as (port, _):
        line = said(connect(f"http://127.0.0.1:{port}{PATH}", tries=1))
    assert "cannot be reached" in line and "JSON" not in line


# ----------------------------------------------------------------------- gRPC with a made-up server


class MadeUp(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers calls with these codes or contents, one after another, then repeats the last."""

    def __init__(self, *answers):
        self.answers, self.calls = answers, 0

    def Predict(self, request, context):
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, "such a\npity")
        response = predict_pb2.PredictResponse()
        if answer is not None:
            response.outputs["filled_bytes"].string_val.append(answer)
        return response


@pytest.fixture
def made_up():
    """made_up(*answers, port=0) -> the URL, and the service, which counts its calls."""
    servers = []

    def start(*answers, port=0):
        servers.append(grpc.server(concurrent.futures.ThreadPoolExecutor(2)))
        service = MadeUp(*answers)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, servers[-1])
        port = servers[-1].add_insecure_port(f"127.0.0.1:{port}")
        servers[-1].start()
        return f"grpc://127.0.0.1:{port}/small", service

    yield start
    for one in servers:
        one.stop(None).wait()


@pytest.mark.parametrize(  # the larger request has more than 256 KiB
    "side", [24, pytest.param(400, marks=pytest.mark.slow)]
)
def test_grpc_a_busy_server_is_asked_again(made_up, side):
    photo = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    mask = np.zeros((side, side), np.uint8)
    mask[5:15, 8:20] = 255
    url, service = made_up(
        grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, png(255 - photo)
    )
    np.testing.assert_array_equal(connect(url, tries=4).fill(photo, mask), 255 - photo)
    assert service.calls == 3


@pytest.mark.parametrize("tries", [1, 2])
def test_grpc_a_server_that_stays_busy_is_left_alone(made_up, tries):
    url, service = made_up(grpc.StatusCode.UNAVAILABLE)
    assert said(connect(url, tries=tries)) == f"{url} answered UNAVAILABLE: such a pity"
    assert service.calls == tries


@pytest.mark.parametrize(
    "code", ["INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED", "INTERNAL"]
)
def test_grpc_other_errors_are_not_asked_again(made_up, code):
    url, service = made_up(grpc.StatusCode[code])
    assert said(connect(url, tries=4)) == f"{url} answered {code}: such a pity"
    assert service.calls == 1


@pytest.mark.parametrize(
    "answer, words",
    [
        (None, "answered without a picture"),
        (b"", OTHER),
        (b"no picture", OTHER),
        (png(np.zeros((24, 31, 3), np.uint8)), OTHER),
    ],
    ids=["nothing", "empty", "no picture", "another size"],
)
def test_grpc_an_answer_without_the_picture(made_up, answer, words):
    assert words in said(connect(made_up(answer)[0]))


def test_grpc_a_server_of_another_kind():
    with http_server((200, "text/html", b"<html>Hello</html>")) as (port, _):
        said(connect(f"grpc://127.0.0.1:{port}/small", timeout=3, tries=1))


@pytest.mark.parametrize("side", [24, pytest.param(400, marks=pytest.mark.slow)])
def test_grpc_a_server_that_starts_later_is_waited_for(made_up, side):
    photo = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    port = free_port()
    client = connect(f"grpc://127.0.0.1:{port}/small", tries=4)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.fill_bytes, png(photo), b"mask")
        time.sleep(0.7)
        made_up(b"filled", port=port)
        assert asked.result(30) == b"filled"


# ------------------------------------------------------------------------------------------ imports


def test_rest_needs_no_tensorflow():
    script = """
import sys
import tfinpaint.serving.client
tfinpaint.serving.client.RestClient("http://localhost:8501/v1/models/paris")
tfinpaint.serving.client.connect("http://localhost:8501/v1/models/paris")
assert not [name for name in ("tensorflow", "grpc", "tensorflow_serving") if name in sys.modules]
"""
    subprocess.run([sys.executable, "-c", script], check=True)
