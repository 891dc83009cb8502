"""By which names a server may be called, and which pages are of its own site."""

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tfinpaint.serving.listening import Listener


@pytest.mark.parametrize(
    "origin, status",
    [
        ("https://inpaint.example", 200),  # a proxy that speaks https stands before the server
        ("http://inpaint.example:80", 200),
        ("https://inpaint.example:8443", 403),
        ("https://other.example", 403),
        ("null", 403),
    ],
)
def test_a_page_behind_a_proxy(origin, status):
    routes = [Route("/", lambda request: PlainTextResponse("hi"), methods=["POST"])]
    with Listener(Starlette(routes=routes), "127.0.0.1", 0, ("inpaint.example",)) as one:
        headers = {"Host": "inpaint.example", "Origin": origin}
        assert requests.post(one.url, headers=headers).status_code == status


def test_names_that_a_server_goes_by():
    routes = [Route("/", lambda request: PlainTextResponse("hi"))]
    for allowed, name, status in (
        ((), "inpaint.example", 403),
        (("inpaint.example", "other"), "Inpaint.Example:80", 200),
        (("inpaint.example",), "other.inpaint.example", 403),
        (("*",), "anything.example", 200),
    ):
        with Listener(Starlette(routes=routes), "127.0.0.1", 0, allowed) as one:
            assert requests.get(one.url, headers={"Host": name}).status_code == status
