"""An HTTP connection that is closed if its client only keeps it open.

uvicorn closes a connection some seconds after an answer. This class adds what uvicorn has no
setting for: a limit on the number of connections, and time limits for headers that do not arrive
and for answers that nobody reads.
"""

import asyncio
from typing import Optional

from uvicorn.protocols.http.h11_impl import H11Protocol

from tfinpaint.serving.limits import RETRY_AFTER

MOST = 512  # connections at the same time
HEADERS = 10.0  # seconds in which the headers of a request must arrive
UNREAD = 20.0  # seconds after which an answer of which nothing is read is given up
BACKLOG = 128  # connections that may wait to be accepted

_WHY = b'{"error": "The server has too many connections"}'
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b"Retry-After: %d\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
) % (RETRY_AFTER, len(_WHY)) + _WHY


class Connection(H11Protocol):
    """An HTTP connection with limits; see the module's docstring."""

    _timer: Optional[asyncio.TimerHandle] = None  # for the headers
    _look: Optional[asyncio.TimerHandle] = None  # for an answer that is written faster than read
    _unread = 0  # bytes of the answer in the buffer at the last look

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.write(_FULL)
            transport.close()
        else:
            self._timer = self.loop.call_later(HEADERS, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self._timer:
            self._stop_timer()
        elif not answering and not self._timer and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEADERS, self.transport.abort)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        self._stop_timer()
        self._stop_looking()
        super().connection_lost(exc)

    # When writing pauses, the buffer is checked every UNREAD seconds until it is nearly empty. The
    # kernel makes room in bursts, so checks must not be closer: there is one timer at a time.
    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        self._stop_looking()
        super().resume_writing()

    def _look_later(self):
        self._stop_looking()
        self._unread = self.transport.get_write_buffer_size()
        self._look = self.loop.call_later(UNREAD, self._look_at_unread)

    def _look_at_unread(self):
        if self.transport.get_write_buffer_size() >= self._unread:
            self.transport.abort()
        else:
            self._look_later()

    def _stop_looking(self):
        if self._look:
            self._look.cancel()
            self._look = None

    def _stop_timer(self):
        if self._timer:
            self._timer.cancel()
            self._timer = None
