"""Limits on what one request, and all requests together, may take of a server.

A request that exceeds a limit for single requests is refused for good. One for which there is no
room beside the others is refused for the moment: UNAVAILABLE, which is 503 over HTTP, with the
seconds after which to try again. docs/serve.md lists the limits.
"""

import threading

from tfinpaint.serving.contract import ServingError
from tfinpaint.serving.memory import Trimmer

LARGEST = 256 * 2**20  # bytes of a request: a photograph of some 100 megapixels, in base64
IN_FLIGHT = 2 * LARGEST  # bytes of all requests together, from their first byte to their answer
MOST_MEGAPIXELS = 100  # of a photograph in a file, and of all in a tensor together
MOST_PHOTOGRAPHS = 4096  # in a batch
MOST_FIELDS = 65536  # in a gRPC message; each takes up to 150 bytes of memory
RETRY_AFTER = 1  # seconds


class Budget:
    """A number of bytes that all requests share. It is thread-safe.

    most: the largest number of bytes.
    """

    def __init__(self, most: int = IN_FLIGHT):
        self.most, self.taken = most, 0
        self.lock = threading.Lock()
        self.trimmer = Trimmer()

    def holding(self) -> "Held":
        """A part of the budget for one request, at first 0 bytes."""
        return Held(self)


class Held:
    """The part of a `Budget` that one request holds. As a context, it gives the part back."""

    def __init__(self, budget: Budget):
        self._budget, self._taken = budget, 0

    def more(self, size: int) -> None:
        """Takes `size` bytes more. Raises ServingError UNAVAILABLE if too few are left."""
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
