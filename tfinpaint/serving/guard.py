"""An ASGI application that checks every HTTP request before it hands it to another application.

Requests from other web sites are refused (origins.py). Bodies count against the budget of all
requests (limits.py), and a body that does not arrive in time is given up. The inner application
need not know of this. If it decompresses bodies, it takes the further bytes from
`scope["tfinpaint.held"]`.

A refusal is JSON, {"error": message}, as in TensorFlow Serving.
"""

import asyncio
import json
import time
from typing import Any, Callable, Collection, MutableMapping

from tfinpaint.serving import origins
from tfinpaint.serving.complaints import Complaints
from tfinpaint.serving.contract import ServingError, shortened
from tfinpaint.serving.limits import RETRY_AFTER, Budget

HELD = "tfinpaint.held"  # key of the scope with the `Held` of the request
PAUSE = 20.0  # seconds that a body may pause
WHOLE = 300.0  # seconds that a body may take in all
_LEFT_OVER = 5.0  # seconds in which the unused rest of a body is read
_PIECE = 2**20  # bytes of an answer that are sent at a time

_Message = MutableMapping[str, Any]


class _Refused(Exception):
    """Ends an application's reading of a body."""


class Guard:
    """An ASGI application around another.

    application: the inner ASGI application.
    names: the names of the server; see `origins.own_names`.
    budget: that of all requests, from which bodies take their bytes.
    complaints: logs errors of the application.
    """

    def __init__(
        self,
        application: Callable,
        names: Collection[str],
        budget: Budget,
        complaints: Complaints,
    ):
        self._application, self._names = application, names
        self._budget, self._complaints = budget, complaints

    async def __call__(self, scope: _Message, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        with self._budget.holding() as held:
            scope[HELD] = held
            exchange = _Exchange(receive, send, held)
            headers = {name.decode("latin-1"): b.decode("latin-1") for name, b in scope["headers"]}
            why = origins.refusal(scope["method"], headers, self._names)
            if why:
                exchange.refuse(403, why)
            else:
                try:
                    await self._application(scope, exchange.receive, exchange.send)
                except _Refused:
                    pass
                except Exception as error:  # one failed request must not fill the log
                    if not exchange.gone:
                        self._complaints.tell("a request failed", error)
                        exchange.refuse(500, shortened(f"{type(error).__name__}: {error}"))
            await exchange.tell()


class _Exchange:
    """One request and its answer."""

    def __init__(self, receive, send, held):
        self._receive, self._send, self._held = receive, send, held
        self._end = time.monotonic() + WHOLE
        self._more = True  # whether more of the body is to come
        self._refusal = None
        self.gone = False  # whether the client has disconnected
        self._started = self._answered = False

    def refuse(self, status: int, why: str, *headers: tuple) -> None:
        """Refuses the request. From now on, what the application sends is dropped."""
        self._refusal = status, why, headers

    async def receive(self) -> _Message:
        if self._refusal:
            raise _Refused
        try:
            message = await self._next(min(PAUSE, self._end - time.monotonic()))
            self._held.more(len(message.get("body", b"")))
        except asyncio.TimeoutError:
            self.refuse(
                408,
                f"The request's body did not arrive: it may pause for {PAUSE:g} s and take "
                f"{WHOLE:g} s",
            )
        except ServingError as error:
            self.refuse(503, str(error), (b"retry-after", b"%d" % RETRY_AFTER))
        if self._refusal:
            raise _Refused
        return message

    async def send(self, message: _Message) -> None:
        if self._refusal:
            return
        if message["type"] == "http.response.start":
            await self._drop_rest()
            self._started = True
        body = message.get("body", b"")
        # In pieces: sending waits until they are read, and so long the request holds its bytes.
        for start in range(0, len(body) - _PIECE, _PIECE):
            await self._send({**message, "body": body[start : start + _PIECE], "more_body": True})
        if len(body) > _PIECE:
            message = {**message, "body": body[(len(body) - 1) // _PIECE * _PIECE :]}
        await self._send(message)
        self._answered = "body" in message and not message.get("more_body", False)

    async def tell(self) -> None:
        """Sends the refusal, if there is one."""
        if not self._refusal or self._answered:
            return
        if self._started:
            raise RuntimeError("the answer breaks off")  # uvicorn then closes the connection
        status, why, headers = self._refusal
        self._held.give_back()
        await self._drop_rest()
        body = json.dumps({"error": why}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ]
        if self._more:
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _next(self, seconds: float) -> _Message:
        message = await asyncio.wait_for(self._receive(), max(seconds, 0.0))
        self._more = message.get("more_body", False)
        self.gone = message["type"] == "http.disconnect"
        return message

    async def _drop_rest(self) -> None:
        """Reads the rest of the body for a few seconds.

        If the connection were closed with unread bytes, the answer would be lost too.
        """
        end = time.monotonic() + _LEFT_OVER
        while self._more and (left := end - time.monotonic()) > 0:
            try:
                await self._next(left)
            except asyncio.TimeoutError:
                return
