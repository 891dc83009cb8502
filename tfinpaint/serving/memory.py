"""Returns memory that requests have freed to the operating system.

The C library keeps freed memory for later use: hundreds of megabytes after one large photograph.
"""

import ctypes
import threading

AFTER = 64 * 2**20  # bytes held by ended requests, after which memory is returned
_PAUSE = 1.0  # seconds to wait until the memory of the last of them is freed too


def trim() -> None:
    """Asks the C library to return free memory."""
    # Only glibc has this function. Other libraries return memory by themselves.
    release = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if release is not None:
        release(0)


class Trimmer:
    """Counts the bytes that requests free, and has them returned now and then. Thread-safe."""

    def __init__(self) -> None:
        self._freed, self._lock, self._soon = 0, threading.Lock(), False

    def freed(self, size: int) -> None:
        """Tells that a request which held `size` bytes has ended."""
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
