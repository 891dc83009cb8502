"""Makes SIGTERM end a server as Ctrl-C does, but with its own exit status (see command.py)."""

import contextlib
import signal
from typing import Iterator


class Ended(KeyboardInterrupt):
    """A signal has asked for the end. signum: its number."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


@contextlib.contextmanager
def by_sigterm() -> Iterator[None]:
    """A context in which SIGTERM raises `Ended` in the main thread."""

    def end(signum, frame):
        raise Ended(signum)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
