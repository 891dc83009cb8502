"""What stands before an application, with small limits: budget, bodies that stall, answers that
nobody reads, connections that only stand there. All over sockets, in this process."""

import contextlib
import json
import logging
import resource
import socket
import threading
import time

import pytest
import requests
from serving.calls import free_port
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from waiting import until

from tfinpaint.serving import connections, guard, limits
from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.listening import Listener
from tfinpaint.settings import SettingsError


@pytest.fixture
def listener():
    """A server with a budget of 1000 bytes; /size tells the size of a body, /long answers 64 MB."""

    async def size(request):
        return PlainTextResponse(str(len(await request.body())))

    async def long(request):
        return PlainTextResponse(bytes(2**26))

    async def early(request):
        return PlainTextResponse("early", 404)

    routes = [
        Route("/size", size, methods=["GET", "POST"]),
        Route("/long", long),
        Route("/early", early, methods=["POST"]),
    ]
    budget = limits.Budget(1000)
    with Listener(Starlette(routes=routes), "127.0.0.1", 0, budget=budget) as one:
        one.budget, one.port = budget, int(one.url.rpartition(":")[2])
        yield one


def opened(listener, data=b""):
    one = socket.create_connection(("127.0.0.1", listener.port), timeout=10)
    one.sendall(data)
    return one


def began(path, size, sent=b""):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + sent


def all_of(one):
    """What comes until the other side closes."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while part := one.recv(2**20):
            answer += part
    return answer


# ------------------------------------------------------------------------------------------- budget


def test_bodies_in_flight_share_a_budget(listener):
    with opened(listener, began("/size", 700, bytes(600))):
        until(lambda: listener.budget.taken == 600)
        answer = requests.post(f"{listener.url}/size", data=bytes(500))
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"
        assert "at most" in answer.json()["error"]
        assert requests.post(f"{listener.url}/size", data=bytes(400)).text == "400"
    until(lambda: listener.budget.taken == 0)
    assert requests.post(f"{listener.url}/size", data=bytes(1000)).text == "1000"
    until(lambda: listener.budget.taken == 0)


def test_errors_of_an_application_are_told_once(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tfinpaint"), "propagate", True)

    async def broken(request):
        raise ZeroDivisionError("a\nmistake" + "e" * 10_000)

    with Listener(Starlette(routes=[Route("/", broken)]), "127.0.0.1", 0) as one:
        for _ in range(20):
            answer = requests.get(one.url)
            assert answer.status_code == 500 and len(answer.content) < 1200
    (only,) = caplog.records
    assert not only.exc_info and "ZeroDivisionError" in only.getMessage()
    assert len(only.getMessage()) < 1200


def test_a_stop_beside_a_body_that_stalls_is_quiet(listener, capfd):
    with opened(listener, began("/size", 100, bytes(50))):
        until(lambda: listener.budget.taken == 50)
        listener._server.config.timeout_graceful_shutdown = 1
        listener.stop()
    assert capfd.readouterr() == ("", "")


def test_a_client_that_goes_is_no_error(listener, caplog):
    for path in ("/size", "/early", "/long"):
        opened(listener, began(path, 700, bytes(600))).close()
    assert requests.post(f"{listener.url}/size", data=bytes(4)).text == "4"
    until(lambda: listener.budget.taken == 0)
    until(lambda: len(listener._server.server_state.connections) <= 1)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_a_body_that_is_refused_is_read_to_its_end(listener):
    """Else the client would see a broken connection, not the answer."""
    size = 2**24
    answer = requests.post(f"{listener.url}/size", data=bytes(size))
    assert answer.status_code == 503
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(f"{listener.url}/early", data=bytes(size))
            assert (answer.status_code, answer.text) == (404, "early")


def test_what_a_request_holds_is_given_back():
    budget = limits.Budget(10)
    with budget.holding() as one, budget.holding() as other:
        one.more(6)
        other.more(4)
        with pytest.raises(ServingError, match="busy") as error:
            other.more(1)
        assert error.value.http_status == 503 and budget.taken == 10
    assert budget.taken == 0


# --------------------------------------------------------------------------------------------- time


def test_a_body_that_stalls(listener, monkeypatch):
    monkeypatch.setattr(guard, "PAUSE", 0.3)
    monkeypatch.setattr(guard, "_LEFT_OVER", 0.1)
    with opened(listener, began("/size", 100, bytes(50))) as one:
        answer = all_of(one)
    assert answer.startswith(b"HTTP/1.1 408 ") and b"did not arrive" in answer
    until(lambda: listener.budget.taken == 0)


def test_a_body_that_comes_byte_by_byte(listener, monkeypatch):
    monkeypatch.setattr(guard, "WHOLE", 1.0)
    monkeypatch.setattr(guard, "_LEFT_OVER", 0.1)
    start, answer = time.monotonic(), b""
    with opened(listener, began("/size", 1000)) as one:
        one.settimeout(0.05)
        while not answer and time.monotonic() - start < 10:
            one.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                answer = one.recv(1000)
    assert answer.startswith(b"HTTP/1.1 408 ") and time.monotonic() - start < 5
    until(lambda: listener.budget.taken == 0)


@pytest.mark.parametrize("sent", [b"", b"GET /size HT", b"GET /size HTTP/1.1\r\nHost: a\r\n"])
def test_headers_that_do_not_arrive(listener, monkeypatch, sent):
    monkeypatch.setattr(connections, "HEADERS", 0.3)
    start = time.monotonic()
    with opened(listener, sent) as one:
        assert all_of(one) == b"" and time.monotonic() - start > 0.2


def test_a_second_request_that_does_not_arrive(listener, monkeypatch):
    monkeypatch.setattr(connections, "HEADERS", 0.3)
    with opened(listener, b"GET /size HTTP/1.1\r\nHost: localhost\r\n\r\n") as one:
        answer = b""
        while not answer.endswith(b"\r\n\r\n0"):
            part = one.recv(1000)
            assert part, answer
            answer += part
        one.sendall(b"GET /size")
        assert all_of(one) == b""


def test_a_slow_answer_is_waited_for(monkeypatch):
    monkeypatch.setattr(connections, "HEADERS", 0.2)

    def slow(request):
        time.sleep(0.6)
        return PlainTextResponse("slow")

    with Listener(Starlette(routes=[Route("/", slow)]), "127.0.0.1", 0) as one:
        assert requests.get(one.url).text == "slow"


@pytest.mark.slow
def test_an_answer_that_nobody_reads(listener, monkeypatch):
    monkeypatch.setattr(connections, "UNREAD", 0.3)
    with opened(listener, b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n") as one:
        time.sleep(1.5)
        assert len(all_of(one)) < 2**26


@pytest.mark.slow
def test_an_answer_that_is_read_slowly_is_whole(listener, monkeypatch):
    unread = 0.3
    monkeypatch.setattr(connections, "UNREAD", unread)
    start, answer = time.monotonic(), 0
    with opened(listener, b"GET /long HTTP/1.1\r\nHost: a.localhost\r\n\r\n") as one:
        while answer < 2**26:
            part = len(one.recv(2**18))
            assert part
            answer += part
            time.sleep(0.008)
    assert time.monotonic() - start > 5 * unread


# -------------------------------------------------------------------------------------- connections


def test_too_many_connections(listener, monkeypatch):
    monkeypatch.setattr(connections, "MOST", 5)
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(opened(listener))
        with opened(listener) as one:
            answer = all_of(one)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1" in head
        assert json.loads(body) == {"error": "The server has too many connections"}
        assert f"Content-Length: {len(body)}".encode() in head
    until(lambda: not listener._server.server_state.connections)
    assert requests.get(f"{listener.url}/size").text == "0"


@pytest.mark.slow
def test_no_file_descriptors_left(listener, caplog, monkeypatch):
    """One line for all connections that cannot be accepted; then it goes on."""
    monkeypatch.setattr(logging.getLogger("tfinpaint"), "propagate", True)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    ends = [socket.socket() for _ in range(60)]
    free = max(one.fileno() for one in ends) + 1
    with caplog.at_level(logging.WARNING):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
            for one in ends:  # sockets that were made before; the other ends find no place
                one.connect(("127.0.0.1", listener.port))
            time.sleep(2.5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for one in ends:
                one.close()
    said = [record.getMessage() for record in caplog.records if "accept" in record.getMessage()]
    assert len(said) == 1 and said[0].startswith("The server has trouble: socket.accept()")
    assert not any(record.exc_info for record in caplog.records)
    assert requests.get(f"{listener.url}/size", timeout=10).text == "0"


def test_two_servers_at_once_on_one_port():
    """Both could bind, and the second would find out only later that it cannot listen."""
    port, made = free_port(), []
    barrier = threading.Barrier(2)

    def start():
        barrier.wait()
        try:
            made.append(Listener(Starlette(), "127.0.0.1", port))
        except SettingsError as error:
            made.append(str(error))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [one for one in made if isinstance(one, str)]
    for one in made:
        if isinstance(one, Listener):
            one.stop()
    assert len(made) == 2 and len(failed) == 1 and f"`port={port}`" in failed[0]
