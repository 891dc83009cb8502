"""The log of a server: one line for a problem, and at most one a minute for each kind of problem.

asyncio by itself writes a traceback whenever a connection cannot be accepted: a thousand a second
if the process has no file descriptors left. uvicorn writes one for each request that fails.
"""

import asyncio
import logging
import threading
import time
from typing import Any, Dict, Optional

from tfinpaint.serving.contract import shortened

AFTER = 60.0  # seconds until a problem of the same kind is logged again

_log = logging.getLogger("tfinpaint")


class Complaints:
    """Logs problems. The object can be called as the exception handler of an event loop."""

    def __init__(self) -> None:
        self._last: Dict[str, float] = {}
        self._lock = threading.Lock()

    def tell(self, kind: str, error: Optional[object] = None) -> None:
        """Logs a line.

        kind: the problem in words, logged at most once a minute. It must not come from a client.
        error: the cause.
        """
        now = time.monotonic()
        with self._lock:
            if now - self._last.get(kind, -AFTER) < AFTER:
                return
            self._last[kind] = now
        why = f" ({shortened(repr(error))})" if error else ""
        _log.warning("The server has trouble: %s%s", kind, why)

    def __call__(self, loop: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
        self.tell(context["message"], context.get("exception"))
