"""The studio's Starlette routes: its page, and a route that forwards requests to another server.

The page (page/) uses TensorFlow Serving's REST contract. It also requests `models.json`, which
lists the models and the endings of files that it can save, and the routes of files.py. TensorFlow
Serving itself does not answer pages of another origin, so the page's requests are forwarded here.
The module loads no TensorFlow.
"""

import json
import mimetypes
import os
import re

import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfinpaint.photo import writable_endings
from tfinpaint.serving import proxies
from tfinpaint.serving.client import reason
from tfinpaint.studio.files import TooLarge, body_of, error, file_routes
from tfinpaint.wording import without_password

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")

# The page runs only its own scripts and connects only to this host. blob: and data: are for the
# photographs that the user opens.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_WHAT = re.compile(r"(?P<name>[^/:]+)(?P<what>(/versions/\d+)?(/metadata|:predict)?)")


def page_routes(models: list) -> list:
    """Routes for the page at /, for its own files, and for the files that a user opens and saves.

    models: {"name": ..., "about": ..., "context": ...} of each model, in the order in which the
        page lists them. The context (see page/parts.js) is left out if it is not known.
    """
    files = {name: os.path.join(PAGE, name) for name in sorted(os.listdir(PAGE))}
    lists = json.dumps({"models": models, "endings": writable_endings()}).encode()
    routes = [Route("/models.json", _constant(lists, "application/json")), *file_routes()]
    for name, path in files.items():
        with open(path, "rb") as f:
            endpoint = _constant(f.read(), mimetypes.guess_type(name)[0])
        routes += [Route(f"/{name}", endpoint)] + [Route("/", endpoint)] * (name == "index.html")
    return routes


def forwarding_route(servers: dict, timeout: float) -> Route:
    """A route that forwards requests for a model to its server. The answer comes back unchanged.

    servers:  {name: http://HOST:PORT/v1/models/NAME[/versions/N]}. A user and a password in a URL
        are sent to its server, and named to nobody.
    timeout:  seconds to wait for an answer.
    """

    async def forward(request: Request):
        match = _WHAT.fullmatch(request.path_params["rest"])
        if not match or match["name"] not in servers:
            return error(
                404, f"The studio knows no {request.url.path}: its models are {', '.join(servers)}"
            )
        try:
            body = await body_of(request)
        except TooLarge as large:
            return error(413, str(large))
        headers = {"Content-Type": "application/json"}
        if "content-encoding" in request.headers:
            headers["Content-Encoding"] = request.headers["content-encoding"]
        return await run_in_threadpool(
            _ask,
            request.method,
            servers[match["name"]] + match["what"],
            body,
            headers,
            timeout,
            servers[match["name"]],
        )

    return Route("/v1/models/{rest:path}", forward, methods=["GET", "POST"])


def _ask(method, path, body, headers, timeout, url):
    try:
        # Redirects are not followed, so that only the server that the user named sees the
        # photograph.
        with proxies.Session() as session:
            answer = session.request(
                method,
                path,
                data=body or None,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            )
    except requests.Timeout:
        return error(504, f"{_which(url)} did not answer within {timeout:g} s (--timeout)")
    except requests.RequestException as trouble:
        line = without_password(reason(trouble))
        return error(502, f"{_which(url)} cannot be reached: {line}")
    return Response(
        answer.content, answer.status_code, media_type=answer.headers.get("Content-Type")
    )


def _which(url):
    """The server for a message, without user and password, with the proxy if one is used."""
    proxy, url = proxies.of_rest(url), without_password(url)
    return f"{url} through the proxy {proxy}" if proxy else url


def _constant(content, media_type):
    async def endpoint(request):
        return Response(content, headers=_HEADERS, media_type=media_type)

    return endpoint
