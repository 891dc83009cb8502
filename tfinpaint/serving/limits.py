"""What one client may take of a server, and how much all clients together may.

A request that is beyond a limit of its own is refused for good. One that finds no room among the
others is refused for now: UNAVAILABLE, which is 503 over HTTP, with the seconds after which to try
again. docs/serve.md lists the limits.
"""

import threading

from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.memory import Trimmer

LARGEST = 256 * 2**20  # bytes of a request: a photograph of some 100 megapixels, in base64
IN_FLIGHT = 2 * LARGEST  # bytes of all requests together, from the first that arrives to the answer
MOST_MEGAPIXELS = 100  # of a photograph, and of all in a tensor together
MOST_PHOTOGRAPHS = 4096  # of a batch
MOST_FIELDS = 65536  # of a gRPC message, which takes up to 150 bytes of memory for each
RETRY_AFTER = 1  # seconds


class Budget:
    """Bytes that all requests share. It may be used from any thread."""

    def __init__(self, most: int = IN_FLIGHT):
        self.most, self.taken = most, 0
        self.lock = threading.Lock()
        self.trimmer = Trimmer()

    def holding(self) -> "Held":
        """What one request holds of the budget; nothing yet."""
        return Held(self)


class Held:
    """A request's part of a `Budget`. As a context manager it is given back at the end."""

    def __init__(self, budget: Budget):
        self._budget, self._taken = budget, 0

    def more(self, size: int) -> None:
        """Takes `size` bytes more. Raises ServingError UNAVAILABLE if they are not there."""
        with self._budget.lock:
            if self._budget.taken + size > self._budget.most:
                raise ServingError(
                    "UNAVAILABLE",
                    "The server is busy: its requests in flight have at most "
                    f"{self._budget.most // 2**20} MB together",
                )
            self._budget.taken += size
            self._taken += size

    def give_back(self) -> None:
        with self._budget.lock:
            self._budget.taken -= self._taken
            freed, self._taken = self._taken, 0
        self._budget.trimmer.freed(freed)

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *error):
        self.give_back()
