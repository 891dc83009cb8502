"""The REST side of the server: TensorFlow Serving's paths, as a Starlette application.

    GET  /v1/models/NAME[/versions/N]            status
    GET  /v1/models/NAME[/versions/N]/metadata   signatures
    POST /v1/models/NAME[/versions/N]:predict    outputs of a signature

contract.py reads the requests for outputs and writes the answers.
"""

import asyncio
import json
import re
from concurrent.futures import Executor
from typing import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfinpaint.serving import contract, messages
from tfinpaint.serving.contract import ServingError

_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?(?P<what>/metadata|:\w+)?"
)


def application(
    models: dict, largest: int, workers: Executor, routes: Sequence[Route] = ()
) -> Starlette:
    """The application that answers for models.

    models:   {name: Servable}.
    largest:  bytes of a request, at most.
    workers:  an executor, in which the models run.
    routes:   Starlette routes that share the port and are tried first.
    """

    async def answer(request: Request):
        try:
            return _json(await _answer(models, largest, workers, request))
        except ServingError as error:
            return _json({"error": str(error)}, error.http_status)
        except Exception as error:  # one failed request must not end the server
            return _json({"error": f"{type(error).__name__}: {error}"}, 500)

    return Starlette(
        routes=[
            *routes,
            Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ]
    )


async def _answer(models, largest, workers, request):
    match = _PATH.fullmatch(request.url.path)
    what = match and match["what"]
    if not match or (request.method, what) not in (
        ("GET", None),
        ("GET", "/metadata"),
        ("POST", ":predict"),
    ):
        raise ServingError(
            "INVALID_ARGUMENT", f"Malformed request: {request.method} {request.url.path}"
        )
    model = messages.find(models, match["name"], match["version"] and int(match["version"]))
    if what is None:
        return _of(messages.status(model))
    if what == "/metadata":
        return _of(messages.metadata(model))
    body = await _body(request, largest)
    return await asyncio.get_running_loop().run_in_executor(workers, _predict, model, body)


def _predict(model, body):
    signature, form, value = contract.parse_request(body)
    inputs = contract.read_inputs(form, value, model.input_dtypes(signature))
    return contract.write_outputs(form, model.predict(signature, inputs))


async def _body(request, largest):
    """The request's body. At most `largest` bytes of it are kept in memory."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise ServingError("RESOURCE_EXHAUSTED", f"A request has at most {largest // 2**20} MB")
        parts.append(part)
    return b"".join(parts)


def _of(message):
    value = messages.as_dict(message)
    for packed in value.get("metadata", {}).values():
        packed.pop("@type", None)  # TensorFlow Serving leaves it out
    return value


def _json(value, status=200):
    return Response(json.dumps(value), status, media_type="application/json")
