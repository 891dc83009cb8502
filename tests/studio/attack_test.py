"""The studio and other web sites: its page, its files and its way to another server."""

import concurrent.futures
import contextlib
import pathlib
import shutil
import socket
import threading

import pytest
import requests
from serving.calls import http_server
from starlette.applications import Starlette
from waiting import until

from tfinpaint.serving import limits
from tfinpaint.serving.listening import Listener
from tfinpaint.studio import files, routes

ROOT = pathlib.Path(routes.__file__).parent
EVIL = {"Origin": "http://evil.example", "Content-Type": "text/plain"}


@pytest.fixture
def studio():
    """A studio that forwards requests for the model "a" -> its Listener, and the times at which
    the other server was asked."""
    with http_server((200, "application/json", b"{}")) as (port, asked):
        servers = {"a": f"http://127.0.0.1:{port}/v1/models/a"}
        all_routes = [
            *routes.page_routes([{"name": "a", "about": ""}]),
            routes.forwarding_route(servers, 5),
        ]
        budget = limits.Budget(2**20)
        with Listener(Starlette(routes=all_routes), "127.0.0.1", 0, budget=budget) as listener:
            listener.budget = budget
            yield listener, asked


def get(listener, path):
    """The status and the body of a GET of a path that is sent as it is."""
    port, answer = int(listener.url.rpartition(":")[2]), b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            while part := one.recv(65536):
                answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


@pytest.mark.parametrize(
    "path",
    [
        "/../routes.py",
        "/../../../../../../../etc/passwd",
        "/%2e%2e/routes.py",
        "/..%2froutes.py",
        "/..%5croutes.py",
        "/studio.js/../../routes.py",
        "/studio.js%00.html",
        "/page/studio.js",
        "//etc/passwd",
        "/routes.py",
        "/.",
        "/v1/models/a/../../../routes.py",
        "/v1/models/a%2f..%2fb",
        "/v1/models/a%0d%0aX:%20y",
        "/v1/models/a@evil.example/",
        "/v1/models//evil.example/a",
    ],
)
def test_no_file_beside_the_page_and_no_other_model(studio, path):
    listener, asked = studio
    status, body = get(listener, path)
    assert status in (400, 404) and b"import " not in body and b"root:" not in body
    assert not asked


def test_the_files_of_the_page_are_those_that_it_was_started_with(tmp_path, monkeypatch):
    """What is put beside them later, as a link, is not served."""
    page = tmp_path / "page"
    shutil.copytree(ROOT / "page", page)
    monkeypatch.setattr(routes, "PAGE", str(page))
    application = Starlette(routes=routes.page_routes([]))
    with Listener(application, "127.0.0.1", 0) as listener:
        (page / "late.txt").symlink_to("/etc/passwd")
        assert get(listener, "/late.txt")[0] == 404
        status, body = get(listener, "/studio.js")
    assert status == 200 and body == (ROOT / "page/studio.js").read_bytes()
    monkeypatch.undo()
    names = [route.path for route in routes.page_routes([]) if route.path.count("/") == 1]
    assert sorted(set(names) - {"/", "/models.json"}) == sorted(
        f"/{path.name}" for path in (ROOT / "page").iterdir()
    )


@pytest.mark.parametrize(
    "headers",
    [
        EVIL,
        {**EVIL, "Content-Type": "application/x-www-form-urlencoded"},
        {**EVIL, "Content-Type": "multipart/form-data; boundary=a"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"User-Agent": "Mozilla/5.0", "Content-Type": "text/plain"},
    ],
    ids=str,
)
def test_no_other_site_reaches_the_server_behind(studio, headers):
    listener, asked = studio
    answer = requests.post(f"{listener.url}/v1/models/a:predict", data=b"{}", headers=headers)
    assert answer.status_code == 403 and set(answer.json()) == {"error"} and not asked
    assert requests.post(f"{listener.url}/v1/models/a:predict", data=b"{}").status_code == 200


def test_no_other_site_reads_the_page(studio):
    listener, _ = studio
    for path in ("/", "/models.json", "/studio.js"):
        for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert requests.get(listener.url + path, headers=headers).status_code == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    answer = requests.get(listener.url, headers=link)
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_few_files_are_read_at_a_time(studio, monkeypatch):
    """A file of 64 megapixels takes hundreds of megabytes, however small it is."""
    monkeypatch.setattr(files, "WAITING", 3)
    listener, _ = studio
    inside, most, go_on = [], [], threading.Event()

    def read(name, content):
        inside.append(name)
        most.append(len(inside))
        assert go_on.wait(10)
        inside.remove(name)
        return b"read", "text/plain", []

    monkeypatch.setattr(files, "_photograph", read)
    monkeypatch.setattr(files, "_written", read)

    def ask(number):
        path = ("opened/photograph", "saved/a.png")[number % 2]
        return requests.post(f"{listener.url}/{path}?name={number}", data=b"a", timeout=20)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, number) for number in range(8)]
        try:
            until(lambda: sum(answer.done() for answer in answers) >= 3)
        finally:
            go_on.set()
    refused = [one.result() for one in answers if one.result().status_code != 200]
    assert len(refused) == 3 and max(most) == 2
    for answer in refused:
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"
        assert "busy" in answer.json()["error"]
    assert ask(0).text == "read"  # and all places are free again


def test_uploads_share_a_budget(studio):
    listener, asked = studio
    port = int(listener.url.rpartition(":")[2])
    head = (
        "POST /v1/models/a:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        one.sendall(head.encode() + bytes(900_000))
        url = f"{listener.url}/v1/models/a:predict"
        until(lambda: listener.budget.taken >= 900_000)
        answer = requests.post(url, data=bytes(400_000))
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"
        assert requests.post(url, data=b"{}").status_code == 200
