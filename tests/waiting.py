"""Waiting for what other threads and processes do."""

import time


def until(condition, seconds=30):
    """Returns as soon as `condition()` is true. If it does not become true, the test fails."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} seconds"
        time.sleep(0.01)
