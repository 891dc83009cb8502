"""What a server writes to its log: a line for a trouble, and no other of its kind within a minute.

asyncio writes a traceback each time that a connection cannot be accepted, a thousand times a second
if the process has no file descriptors left; uvicorn writes one for each request that fails.
"""

import asyncio
import logging
import threading
import time
from typing import Any, Dict, Optional

from tfinpaint.serving.contract import shortened

AFTER = 60.0  # seconds until a trouble is told again

_log = logging.getLogger("tfinpaint")


class Complaints:
    """Tells of troubles. As a function it is an event loop's handler of exceptions."""

    def __init__(self) -> None:
        self._last: Dict[str, float] = {}
        self._lock = threading.Lock()

    def tell(self, kind: str, error: Optional[object] = None) -> None:
        """One line. kind: what is told once a minute; it comes from the program, not a client."""
        now = time.monotonic()
        with self._lock:
            if now - self._last.get(kind, -AFTER) < AFTER:
                return
            self._last[kind] = now
        why = f" ({shortened(repr(error))})" if error else ""
        _log.warning("The server has trouble: %s%s", kind, why)

    def __call__(self, loop: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
        self.tell(context["message"], context.get("exception"))
