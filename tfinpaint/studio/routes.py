"""The studio's Starlette routes: its page, and the way to the models of another server.

The page (page/) speaks TensorFlow Serving's REST contract. Beyond that it asks for `models.json`
alone, the list of models that it may name and of endings that it may save with, and for the routes
of files.py. A real TensorFlow Serving does not answer pages of another origin, so the page's
requests go through here. No TensorFlow is loaded.
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

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "page")

# The page runs no script but its own and reaches no host but this one. blob: and data: are the
# photographs that it was given.
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_WHAT = re.compile(r"(?P<name>[^/:]+)(?P<what>(/versions/\d+)?(/metadata|:predict)?)")


def page_routes(models: list) -> list:
    """The page at /, its files, and the way for those that a person opens and saves.

    models: {"name": ..., "about": ..., "context": ...} of each model, in the order in which the
        page lists them. The context (see page/parts.js) is left out where it is not known.
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
    """Forwards requests for a model to its server; status and answer come back unchanged.

    servers:  {name: http://HOST:PORT/v1/models/NAME[/versions/N]}.
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
        # No redirect is followed: only the server that was named sees the photograph.
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
        return error(502, f"{_which(url)} cannot be reached: {reason(trouble)}")
    return Response(
        answer.content, answer.status_code, media_type=answer.headers.get("Content-Type")
    )


def _which(url):
    """A server in a message, and the proxy that stood between."""
    proxy = proxies.of_rest(url)
    return f"{url} through the proxy {proxy}" if proxy else url


def _constant(content, media_type):
    async def endpoint(request):
        return Response(content, headers=_HEADERS, media_type=media_type)

    return endpoint
