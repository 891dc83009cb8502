"""No photograph for this machine or a private network goes through a proxy.

A socket listens as the proxy of the environment; it must get nothing. For other addresses it is
used, and named where it fails.
"""

import contextlib
import gzip
import json
import socket
import threading
import time

import numpy as np
import pytest
from changed import changed
from serving.calls import answer_of, b64, http_server, png, redirecting, rest, small_pair
from starlette.applications import Starlette

from tfinpaint.serving import proxies
from tfinpaint.serving.client import ServerError, connect
from tfinpaint.serving.listening import Listener
from tfinpaint.studio.routes import forwarding_route
from tools.load_test import load

PATH = "/v1/models/small"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
PUBLIC = "192.0.2.1"  # kept for documentation: nobody is there


def set_proxy(monkeypatch, url):
    for name in (*VARIABLES, "no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    for name in VARIABLES:
        monkeypatch.setenv(name, url)
        monkeypatch.setenv(name.upper(), url)


@pytest.fixture
def proxy(monkeypatch):
    """The proxy of the environment: a list of what it was sent. It hangs up."""
    seen = []
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def listen():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(5)
                        seen.append(connection.recv(65536))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        set_proxy(monkeypatch, f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}")
        stack.callback(thread.join, 5)
        stack.callback(listener.shutdown, socket.SHUT_RDWR)
        yield seen


@pytest.mark.parametrize("host", [
    "localhost", "LOCALHOST", "localhost.", "studio.localhost", "127.0.0.1", "127.8.9.10", "127.1",
    "::1", "[::1]", "0.0.0.0", "::", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
    "192.168.0.1", "169.254.1.2", "fe80::1", "fe80::1%25eth0", "fc00::1", "fdff::1",
    "::ffff:10.1.2.3", "::ffff:127.0.0.1", "100.64.0.1", "printer.local",
])  # fmt: skip
def test_local_hosts(host):
    assert proxies.is_local(host)


@pytest.mark.parametrize("host", [
    "8.8.8.8", "172.15.255.255", "172.32.0.1", "192.167.1.1", "192.169.1.1", "11.0.0.1",
    "128.0.0.1", "2001:db8::1", "fe00::1", "::ffff:8.8.8.8", PUBLIC, "no-such-host.invalid",
    "localhost.example.invalid", "notlocalhost.invalid", "100.128.0.1", "local.invalid", "",
])  # fmt: skip
def test_other_hosts(host):
    assert not proxies.is_local(host)


@pytest.mark.parametrize(
    "addresses, local",
    [
        (["172.18.0.3"], True),
        (["fd00::3", "10.0.0.3"], True),
        (["10.0.0.3", "8.8.8.8"], False),
        ([], False),
    ],
)
def test_a_name_is_local_if_all_its_addresses_are(monkeypatch, addresses, local):
    found = [(0, 0, 0, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(proxies, "socket", changed(socket, getaddrinfo=lambda host, port: found))
    assert proxies.is_local("tfserving") is local


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    gone = threading.Event()
    monkeypatch.setattr(proxies, "_LONGEST", 0.05)
    waits = changed(socket, getaddrinfo=lambda host, port: [] if gone.wait(20) else [])
    monkeypatch.setattr(proxies, "socket", waits)
    start = time.monotonic()
    assert not proxies.is_local("tfserving")
    assert time.monotonic() - start < 5
    gone.set()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_rest_to_this_machine_shows_the_proxy_nothing(proxy, host):
    photo, mask = small_pair()
    with http_server(answer_of(255 - photo)) as (port, arrivals):
        client = connect(f"http://{host}:{port}{PATH}")
        np.testing.assert_array_equal(client.fill(photo, mask), 255 - photo)
        with pytest.raises(ServerError, match="answered without a status"):
            client.status()
    assert len(arrivals) == 2 and not proxy


def test_a_redirect_to_this_machine_shows_the_proxy_nothing(monkeypatch):
    """The proxy answers the first request with the redirect, and does not get the second."""
    with (
        http_server((200, "application/json", b"{}")) as (port, arrivals),
        redirecting(f"http://localhost:{port}/") as (first, asked),
    ):
        set_proxy(monkeypatch, f"http://127.0.0.1:{first}")
        assert proxies.Session().get(f"http://{PUBLIC}/", timeout=10).json() == {}
    assert asked == [f"http://{PUBLIC}/"] and len(arrivals) == 1


def test_grpc_to_this_machine_shows_the_proxy_nothing(proxy, server):
    photo, mask = small_pair()
    port = server.grpc_address.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        assert connect(f"grpc://{host}:{port}/small").fill(photo, mask).shape == photo.shape
    assert not proxy


def test_a_server_that_is_not_there_is_blamed_itself(proxy, closed_port):
    with pytest.raises(ServerError) as error:
        connect(f"http://localhost:{closed_port}{PATH}", tries=1).fill(*small_pair())
    assert "proxy" not in str(error.value) and "Connection refused" in str(error.value)
    with pytest.raises(ServerError) as error:
        connect(f"grpc://localhost:{closed_port}/small", tries=1).fill(*small_pair())
    assert "proxy" not in str(error.value) and not proxy


def test_the_studio_forwards_to_this_machine_directly(proxy):
    photo, _ = small_pair()
    with (
        http_server(answer_of(photo)) as (port, arrivals),
        Listener(
            Starlette(
                routes=[forwarding_route({"a": f"http://localhost:{port}/v1/models/paris"}, 5)]
            ),
            "127.0.0.1",
            0,
        ) as studio,
    ):
        status, answer = rest(f"{studio.url}/v1/models/a:predict", {"inputs": {}})
    assert status == 200 and "outputs" in answer and len(arrivals) == 1 and not proxy


def test_the_studio_forwards_a_packed_body_as_packed(server):
    photo, mask = small_pair()
    files = {"image_bytes": [b64(png(photo))], "mask_bytes": [b64(png(mask))]}
    body = gzip.compress(json.dumps({"inputs": files}).encode())
    route = forwarding_route({"a": f"{server.url}/v1/models/small"}, 30)
    with Listener(Starlette(routes=[route]), "127.0.0.1", 0) as studio:
        url = f"{studio.url}/v1/models/a:predict"
        status, answer = rest(url, body, headers={"Content-Encoding": "gzip"})
    assert status == 200 and "outputs" in answer


def test_the_load_test_asks_this_machine_directly(proxy):
    photo, mask = small_pair()
    with http_server(answer_of(photo)) as (port, arrivals):
        result = load(f"http://127.0.0.1:{port}{PATH}", photo, mask, requests=4, clients=2)
    assert not result["errors"] and len(arrivals) == 5 and not proxy


# ------------------------------------------------------------------------------------------- others


def test_a_proxy_that_hangs_up_is_named(proxy):
    for url in (f"http://{PUBLIC}:8501{PATH}", f"grpc://{PUBLIC}:8500/small"):
        del proxy[:]
        with pytest.raises(ServerError) as error:
            connect(url, timeout=3, tries=1).fill(*small_pair())
        assert str(error.value).startswith(f"{url} through the proxy http://127.0.0.1:")
        assert "secret" not in str(error.value) and "\n" not in str(error.value)
        if url.startswith("http"):
            assert str(error.value).endswith(
                (
                    "Remote end closed connection without response",
                    "Connection reset by peer",
                    "Unable to connect to proxy",  # it hung up while the request was sent
                )
            )
        assert proxy and PUBLIC.encode() in proxy[0]


def test_a_proxy_that_is_not_there_is_named(monkeypatch, closed_port):
    gone = f"http://127.0.0.1:{closed_port}"
    set_proxy(monkeypatch, gone)
    for url in (f"http://{PUBLIC}:8501{PATH}", f"grpc://{PUBLIC}:8500/small"):
        with pytest.raises(ServerError) as error:
            connect(url, timeout=3, tries=1).fill(*small_pair())
        assert str(error.value).startswith(f"{url} through the proxy {gone} ")
        assert "refused" in str(error.value)


def test_a_proxys_own_page_is_told_as_its_own(monkeypatch):
    with http_server((403, "text/html", b"<html>no</html>")) as (port, _):
        set_proxy(monkeypatch, f"http://127.0.0.1:{port}")
        with pytest.raises(ServerError) as error:
            connect(f"http://{PUBLIC}:8501{PATH}", tries=1).fill(*small_pair())
    assert f"through the proxy http://127.0.0.1:{port} is no such server: it answered 403" in str(
        error.value
    )


def test_the_studio_names_the_proxy_that_fails(monkeypatch, closed_port):
    gone = f"http://127.0.0.1:{closed_port}"
    set_proxy(monkeypatch, gone)
    route = forwarding_route({"a": f"http://{PUBLIC}:8501/v1/models/paris"}, 5)
    with Listener(Starlette(routes=[route]), "127.0.0.1", 0) as studio:
        status, answer = rest(f"{studio.url}/v1/models/a:predict", {"inputs": {}})
    assert status == 502 and f"through the proxy {gone} cannot be reached" in answer["error"]


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxys_password_is_not_shown(monkeypatch, scheme):
    set_proxy(monkeypatch, f"{scheme}me:secret@proxy.example:3128")
    for shown in (proxies.of_rest(f"http://{PUBLIC}/"), proxies.of_grpc(f"{PUBLIC}:8500")):
        assert shown == f"{scheme}proxy.example:3128"


@pytest.mark.parametrize("excepted", [PUBLIC, f"a.example, {PUBLIC}", "*"])
def test_no_proxy_is_kept_to(monkeypatch, excepted):
    set_proxy(monkeypatch, "http://127.0.0.1:9")
    assert proxies.of_rest(f"http://{PUBLIC}/") and proxies.of_grpc(f"{PUBLIC}:8500")
    monkeypatch.setenv("no_proxy", excepted)
    assert proxies.of_rest(f"http://{PUBLIC}/") is None
    assert proxies.of_grpc(f"{PUBLIC}:8500") is None


def test_without_a_proxy_nothing_is_looked_up(monkeypatch, closed_port):
    set_proxy(monkeypatch, "")
    monkeypatch.setattr(proxies, "is_local", lambda host: pytest.fail("looked up"))
    assert proxies.of_rest(f"http://{PUBLIC}/") is None and proxies.of_grpc(f"{PUBLIC}:1") is None
    with pytest.raises(proxies.requests.RequestException):
        proxies.Session().get(f"http://127.0.0.1:{closed_port}/")
