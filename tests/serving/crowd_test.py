"""A server process and a crowd: many requests, many connections, a new version under load.

Figures that are printed here (pytest -s) stand in docs/reliability.md.
"""

import concurrent.futures
import contextlib
import shutil
import socket
import threading
import time

import numpy as np
import pytest
from serving import half_message
from serving.calls import png, rest, small_pair
from serving.processes import python_server

from tfinpaint.serving.client import connect
from tools import load_test

PHOTO, MASK = small_pair()
FILES = {"image_bytes": [png(PHOTO)], "mask_bytes": [png(MASK)]}
PREDICT = "/v1/models/small:predict"

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("goes_on")]


def urls(process):
    return f"{process.url}/v1/models/small", f"grpc://{process.grpc_address}/small"


def answered(process, painter):
    """Seconds until both sides have filled."""
    start = time.monotonic()
    for url in urls(process):
        np.testing.assert_array_equal(
            connect(url, tries=1).fill(PHOTO, MASK), painter.fill(PHOTO, MASK)
        )
    return time.monotonic() - start


def random_pair(number):
    rng = np.random.default_rng(number)
    height, width = rng.integers(40, 400, 2)
    photo = np.tile(rng.integers(0, 256, (height, 1, 3), np.uint8), (1, width, 1))
    mask = np.zeros((height, width), np.uint8)
    mask[10:30, 10:30] = 255
    return photo, mask


@pytest.mark.parametrize("side", [0, 1], ids=["rest", "grpc"])
def test_two_hundred_requests_of_eight_clients(attacked, side):
    result = load_test.load(urls(attacked)[side], PHOTO, MASK, requests=200, clients=8)
    assert result["errors"] == [] and result["different"] == 0


def test_two_thousand_more_do_not_grow(attacked):
    """1000 by each side, of as many sizes; after 400 of them memory has found its level."""
    clients = [connect(url) for url in urls(attacked) for _ in range(4)]

    def fill(number):
        photo, mask = random_pair(number)
        filled = clients[number % 8].fill(photo, mask)
        np.testing.assert_array_equal(filled[mask == 0], photo[mask == 0])

    levels = []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for start in range(0, 2400, 400):
            list(pool.map(fill, range(start, start + 400)))
            levels.append(attacked.megabytes())
    print("MB after each 400 requests:", [round(level) for level in levels])
    assert levels[-1] < levels[0] + 40


def test_two_hundred_half_open_connections(attacked, painter):
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{{"
    grpc_port = int(attacked.grpc_address.rpartition(":")[2])
    with contextlib.ExitStack() as stack:
        for number in range(200):
            for port, sent in ((attacked.port, (head, "POST", "")[number % 3]), (grpc_port, "")):
                one = socket.create_connection(("127.0.0.1", port), timeout=10)
                stack.enter_context(one)
                one.sendall(sent.encode())
        seconds = [answered(attacked, painter) for _ in range(5)]
    print("seconds beside 400 half-open connections:", np.round(seconds, 2))
    assert max(seconds) < 10


def test_two_hundred_messages_that_never_come(attacked, painter):
    """gRPC calls that are open and send nothing: others go first."""
    import grpc

    until = threading.Event()

    def nothing():
        until.wait(60)
        return
        yield

    with grpc.insecure_channel(attacked.grpc_address) as channel:
        call = channel.stream_unary("/tensorflow.serving.PredictionService/Predict")
        calls = [call.future(nothing()) for _ in range(200)]
        time.sleep(1)
        seconds = [answered(attacked, painter) for _ in range(5)]
        print("seconds beside 200 calls without a message:", np.round(seconds, 2))
        until.set()
        assert not any(one.done() and one.code() == grpc.StatusCode.OK for one in calls)
    assert max(seconds) < 12


def test_twelve_unfinished_bodies_of_200_mb(attacked, painter):
    size = 200 * 2**20
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    attacked.forget_most()
    before = attacked.most_megabytes()

    def send(one):
        with contextlib.suppress(OSError):
            one.sendall(head.encode())
            for _ in range(199):
                one.sendall(bytes(2**20))
            return one.recv(100)[:12]

    with contextlib.ExitStack() as stack:
        ends = [
            stack.enter_context(socket.create_connection(("127.0.0.1", attacked.port), timeout=60))
            for _ in range(12)
        ]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(send, ends))
        grown = attacked.most_megabytes() - before
        print("MB more:", round(grown), answers)
        # On a slow machine the rest that is on its way can lose an answer: None.
        assert set(answers) <= {b"HTTP/1.1 503", b"HTTP/1.1 408", None} and grown < 900
        assert answers.count(b"HTTP/1.1 408") <= 2 and b"HTTP/1.1 503" in answers
    answered(attacked, painter)


def test_twelve_unfinished_messages_of_200_mb(attacked, painter):
    """Of gRPC: at most 8 are received at a time."""
    attacked.forget_most()
    before = attacked.most_megabytes()
    size = 200 * 2**20
    with contextlib.ExitStack() as stack:
        ends = [
            stack.enter_context(socket.create_connection(address_of(attacked), timeout=10))
            for _ in range(12)
        ]
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            sent = list(pool.map(lambda one: half_message.send(one, size, size - 10, 60), ends))
        seconds = answered(attacked, painter)
        grown = attacked.most_megabytes() - before
        print("MB more:", round(grown), "MB sent:", [one >> 20 for one in sent], round(seconds, 1))
    assert grown < 2500 and seconds < 12


def address_of(process):
    host, port = process.grpc_address.split(":")
    return host, int(port)


def test_thousands_of_connections(exported, painter, tmp_path):
    """With as few file descriptors as a shell gives, 1024: a line or two in the log."""
    import psutil

    with python_server(exported, tmp_path / "errors") as process:
        one = psutil.Process(process.process.pid)
        one.rlimit(psutil.RLIMIT_NOFILE, (1024, 1024))
        said = (tmp_path / "errors").stat().st_size
        with contextlib.ExitStack() as stack:
            for number in range(1500):
                with contextlib.suppress(OSError):
                    stack.enter_context(
                        socket.create_connection(("127.0.0.1", process.port), timeout=1)
                    )
                if number % 100 == 0:
                    assert one.num_fds() < 1024
            time.sleep(5)
            descriptors = one.num_fds()
        print("descriptors beside 1500 connections:", descriptors)
        assert descriptors < 800
        time.sleep(1)
        answered(process, painter)
        assert (tmp_path / "errors").stat().st_size - said < 2000


def test_a_new_version_under_load(exported, painter, tmp_path):
    """No request fails while versions change, a broken one changes nothing, and the old go."""
    shutil.copytree(exported / "1", tmp_path / "model/1")
    wanted = painter.fill(PHOTO, MASK)
    with python_server(tmp_path / "model", tmp_path / "errors") as process:
        clients = [connect(url, tries=1) for url in urls(process) for _ in range(2)]
        end, counts = threading.Event(), []

        def ask(client):
            count = 0
            while not end.is_set():
                np.testing.assert_array_equal(client.fill(PHOTO, MASK), wanted)
                count += 1
            counts.append(count)

        def version():
            (only,) = rest(urls(process)[0])[1]["model_version_status"]
            return int(only["version"])

        levels = []
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask, client) for client in clients]
            for number in (2, 3, 4, 5):
                if number == 4:  # broken: version 3 stays
                    broken = tmp_path / "model/4"
                    broken.mkdir()
                    (broken / "saved_model.pb").write_bytes(b"no model")
                    time.sleep(6)
                    assert version() == 3
                    continue
                shutil.copytree(exported / "1", tmp_path / f"beside{number}")
                (tmp_path / f"beside{number}").rename(tmp_path / f"model/{number}")
                limit = time.monotonic() + 90
                while version() != number and time.monotonic() < limit:
                    time.sleep(0.2)
                assert version() == number
                time.sleep(5)
                levels.append(round(process.megabytes()))
            shutil.rmtree(tmp_path / "model/5")  # back to the one before, but that is broken
            shutil.rmtree(tmp_path / "model/4")
            limit = time.monotonic() + 90
            while version() != 3 and time.monotonic() < limit:
                time.sleep(0.2)
            end.set()
            for one in asking:
                one.result()
        assert version() == 3
        print("requests while versions changed:", sum(counts), "MB:", levels)
        said = (tmp_path / "errors").read_text()
        assert said.count("is no model that `export` wrote") == 1
        assert "small: version 3 takes the place of 2" in said
        assert rest(f"{urls(process)[0]}/versions/1")[0] == 404


def test_a_second_server_on_the_port(attacked, exported):
    import subprocess
    import sys

    for flags in ((f"--port={attacked.port}",), ("--port=0", _grpc_port(attacked))):
        result = subprocess.run(
            [sys.executable, "-m", "tools.python_server", f"--model=small={exported}", *flags],
            capture_output=True,
            text=True,
            timeout=120,
        )
        (line,) = (one for one in result.stderr.splitlines() if one.startswith("tfinpaint: "))
        assert result.returncode == 1 and result.stdout == ""
        assert flags[-1] in line and "cannot be opened" in line


def _grpc_port(process):
    return f"--grpc_port={process.grpc_address.rpartition(':')[2]}"
