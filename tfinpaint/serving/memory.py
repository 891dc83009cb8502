"""Gives memory that requests have freed back to the system.

The C library keeps what is freed for later, hundreds of megabytes after one large photograph.
"""

import ctypes
import threading

AFTER = 64 * 2**20  # bytes of requests that have ended
_PAUSE = 1.0  # seconds until what the last of them held is freed too


def trim() -> None:
    """Asks the C library to give back what is free."""
    # glibc alone has this; other libraries do it by themselves
    release = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if release is not None:
        release(0)


class Trimmer:
    """Counts what requests free and asks the C library to give it back now and then."""

    def __init__(self) -> None:
        self._freed, self._lock, self._soon = 0, threading.Lock(), False

    def freed(self, size: int) -> None:
        """A request that held so many bytes has ended."""
        with self._lock:
            self._freed += size
            if self._freed < AFTER or self._soon:
                return
            self._soon = True
        timer = threading.Timer(_PAUSE, self._give_back)
        timer.daemon = True
        timer.start()

    def _give_back(self):
        with self._lock:
            self._freed, self._soon = 0, False
        trim()
