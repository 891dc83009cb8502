"""A module with other functions, for one module of the project alone.

Servers run in threads of the process of the tests. A test that replaces a function of `os`, `json`
or `time` itself replaces it for them too: an event loop that once reads a made-up time may sleep
for half an hour.
"""

import time
import types


def changed(module, **others):
    """A stand-in for a module that the code under test imports: the same, but for `others`."""
    return types.SimpleNamespace(**{**vars(module), **others})


class Clock:
    """Stands in a module for `time`: it tells `now`, in seconds, and its other names are time's."""

    def __init__(self, now: float = 0.0):
        self.now = now

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic

    def __getattr__(self, name):
        return getattr(time, name)
