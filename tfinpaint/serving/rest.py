"""The REST side of the server: TensorFlow Serving's paths, as a Starlette application.

    GET  /v1/models/NAME[/versions/N]            status
    GET  /v1/models/NAME[/versions/N]/metadata   signatures
    POST /v1/models/NAME[/versions/N]:predict    outputs of a signature

As in TensorFlow Serving, v1, models and versions may be in upper or lower case, and a body may be
compressed with gzip (Content-Encoding). contract.py reads the requests for outputs and writes the
answers.
"""

import asyncio
import json
import re
import zlib
from concurrent.futures import Executor
from typing import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tfinpaint.serving import contract, messages
from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.guard import HELD
from tfinpaint.serving.limits import RETRY_AFTER

_OF_A_VALUE = 16  # bytes that each value of JSON takes from the budget
_PATH = re.compile(
    r"(?i:/v1/models)/(?P<name>[^/:]+)((?i:/versions)/(?P<version>[0-9]{1,19}))?(?P<what>/metadata|:\w+)?"
)


def application(
    models: dict, largest: int, workers: Executor, routes: Sequence[Route] = ()
) -> Starlette:
    """The application that answers for models.

    models:   {name: Servable}.
    largest:  the most bytes that a body may have, also after decompression.
    workers:  the executor in which the models run.
    routes:   Starlette routes that share the port and are tried first.
    """

    async def answer(request: Request):
        try:
            return _response(await _answer(models, largest, workers, request))
        except ServingError as error:
            again = {"Retry-After": str(RETRY_AFTER)} if error.code == "UNAVAILABLE" else None
            return _response(_json({"error": str(error)}), error.http_status, again)
        except Exception as error:  # one failed request must not end the server
            said = contract.shortened(f"{type(error).__name__}: {error}")
            return _response(_json({"error": said}), 500)

    return Starlette(
        routes=[
            *routes,
            Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ]
    )


async def _answer(models, largest, workers, request):
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    match = _PATH.fullmatch(path)
    what = match and match["what"]
    if not match or (request.method, what) not in (
        ("GET", None),
        ("GET", "/metadata"),
        ("POST", ":predict"),
    ):
        raise ServingError("INVALID_ARGUMENT", f"Malformed request: {request.method} {path}")
    model = messages.find(models, match["name"], match["version"] and int(match["version"]))
    if what is None:
        return _json(_of(messages.status(model)))
    if what == "/metadata":
        return _json(_of(messages.metadata(model)))
    hold = request.scope[HELD].more
    bodies = [await _body(request, largest, hold)]
    return await asyncio.get_running_loop().run_in_executor(workers, _predict, model, bodies, hold)


def _predict(model, bodies, hold):
    # JSON is read and written here, in a worker, because that can take seconds. Meanwhile other
    # requests are answered.
    values = contract.count_values(bodies[0])
    if values <= contract.MOST_VALUES:  # otherwise parse_request refuses it
        hold(_OF_A_VALUE * values)
    signature, form, value = contract.parse_request(bodies.pop())  # frees it once it is parsed
    inputs = contract.read_inputs(form, value, model.input_dtypes(signature))
    return _json(contract.write_outputs(form, model.predict(signature, inputs)))


async def _body(request, largest, hold):
    """The body of the request, decompressed. At most `largest` bytes of it are kept in memory.

    hold: is called with the number of bytes that a part has gained by being decompressed.
    """
    packed = "gzip" in request.headers.get("content-encoding", "")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS) if packed else None  # 16: gzip's header
    parts, size, sent, held = [], 0, 0, 0
    async for part in request.stream():
        sent += len(part)
        try:
            # One byte beyond the limit shows that there is more. The rest stays compressed.
            if unpacker:  # in a thread, because 64 kB can become 64 MB
                part = await asyncio.to_thread(unpacker.decompress, part, largest - size + 1)
        except zlib.error as error:
            raise ServingError("INVALID_ARGUMENT", f"The body is no gzip: {error}") from None
        size += len(part)
        if size > sent + held:
            hold(size - sent - held)
            held = size - sent
        if max(size, sent) > largest:
            raise ServingError("RESOURCE_EXHAUSTED", f"A request has at most {largest // 2**20} MB")
        if unpacker and unpacker.unused_data:
            raise ServingError("INVALID_ARGUMENT", "The body goes on after the end of its gzip")
        parts.append(part)
    if unpacker and not unpacker.eof:
        raise ServingError("INVALID_ARGUMENT", "The body's gzip breaks off")
    return b"".join(parts)


def _of(message):
    value = messages.as_dict(message)
    for packed in value.get("metadata", {}).values():
        packed.pop("@type", None)  # TensorFlow Serving leaves it out
    return value


def _json(value):
    return json.dumps(value).encode()


def _response(content, status=200, headers=None):
    return Response(content, status, headers, media_type="application/json")
