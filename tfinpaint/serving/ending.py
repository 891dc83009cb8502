"""SIGTERM ends what serves as Ctrl-C does, with an exit status of its own (see command.py)."""

import contextlib
import signal
from typing import Iterator


class Ended(KeyboardInterrupt):
    """A signal has asked for the end. signum: which one."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


@contextlib.contextmanager
def by_sigterm() -> Iterator[None]:
    """While it lasts, SIGTERM raises `Ended` in the main thread."""

    def end(signum, frame):
        raise Ended(signum)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
