"""A clock that tests set.

Tests must not set `time.monotonic` itself. Servers run in threads of the same process, and an event
loop that once reads a made-up time may sleep for half an hour.
"""

import time


class Clock:
    """Stands in a module for `time`: it tells `now`, in seconds, and its other names are time's."""

    def __init__(self, now: float = 0.0):
        self.now = now

    def monotonic(self) -> float:
        return self.now

    perf_counter = monotonic

    def __getattr__(self, name):
        return getattr(time, name)
