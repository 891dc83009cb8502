"""SIGINT (Ctrl-C), SIGTERM (a machine that is taken away) and SIGHUP (a terminal that closes).

Until `wait` is called, a signal ends the run at once, because nothing has been learned. After that,
the first signal is kept until `check` is called, between two steps, so that each step is taken and
written as a whole. A block of `at_once`, such as a validation pass, is still ended at once. A
second SIGINT or SIGTERM ends the process as if there were no handler. A signal that is ignored
(`nohup`) stays ignored.

    with Signals() as signals:
        ...                             # networks are made and traced
        signals.wait()
        ...                             # a step, and what is written after it
        with signals.at_once():         # a block that an exception may end anywhere without harm
            ...
        signals.check()                 # raises Interrupted if a signal has come
"""

import contextlib
import signal
import threading
from types import FrameType
from typing import Any, Dict, Iterator, Optional

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Interrupted(KeyboardInterrupt):
    """A signal has asked for the end of the run. signum: its number."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class Signals:
    """A context that handles signals; see the module's docstring.

    It does nothing outside of the main thread, because Python handles signals only there.
    """

    def __init__(self) -> None:
        self._came: Optional[int] = None
        self._at_once = True
        self._before: Dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """A context for a block that a signal ends at once, by raising Interrupted."""
        self.check()
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def wait(self) -> None:
        """From now on a signal is kept until `check`."""
        self._at_once = False

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self._came is not None:
            raise Interrupted(self._came)

    def _handle(self, number: int, frame: Optional[FrameType]) -> None:
        self._came = number
        # The next one ends the process, even if TensorFlow does not return to Python. SIGHUP is
        # ignored instead: a terminal that closes sends it twice, once itself and once through its
        # shell.
        for name in _NAMES:
            other = getattr(signal, name, None)
            if other in self._before:
                signal.signal(other, signal.SIG_IGN if name == "SIGHUP" else signal.SIG_DFL)
        if self._at_once:
            self._at_once = False
            raise Interrupted(number)
