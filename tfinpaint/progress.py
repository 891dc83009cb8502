"""The progress bar of all commands: redrawn on a terminal, otherwise a plain line now and then.

    bar = ProgressBar(600, "step {done}/{total} [{bar}] loss {loss:.3f}  {left} left")
    bar.update(50, loss=0.52)     # step 50/600 [=                   ] loss 0.520  2:57 left
    bar.clear()                   # removes the line, so that text can be printed in its place

Why not tqdm: if the output is not a terminal, tqdm still redraws with carriage returns, and a log
file shows one endless line. It also includes the first item in its speed. Here the first item
traces a graph, which takes as long as hundreds of other items.
"""

import sys
import time
from typing import Any, Optional, TextIO, Tuple

_REDRAW_SECONDS = 0.3  # between two drawings on a terminal
_PLAIN_SECONDS = 10.0  # between two plain lines, unless they are counted in items


class ProgressBar:
    """Shows how many of `total` items are done.

    Args:
        total: number of items.
        form: the line. Its fields are {done}, {total}, {bar}, {rate} (items per second times
            `per_item`), {left} (time), and those passed to `update`.
        plain_form: the line if `stream` is not a terminal; None: `form`.
        done: number of items that were done before; they do not count towards the speed.
        per_item: how many units of {rate} an item has (the images of a batch).
        plain_every: items from one plain line to the next, with a line for the first item (after
            `done`); None: a line every ten seconds.
        cells: the characters of the bar for done and not done.
        width: of the bar, in characters.
        first_counts: whether {left} is estimated from the first item until there is a second.
        stream: where the lines go; None: stderr.
    """

    def __init__(
        self,
        total: int,
        form: str,
        plain_form: Optional[str] = None,
        *,
        done: int = 0,
        per_item: int = 1,
        plain_every: Optional[int] = None,
        cells: Tuple[str, str] = ("=", " "),
        width: int = 20,
        first_counts: bool = False,
        stream: Optional[TextIO] = None,
    ):
        self.total, self.done = total, done
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._form = form if self._terminal or plain_form is None else plain_form
        self._per_item, self._plain_every = per_item, plain_every
        self._cells, self._width = cells, width
        self._first_counts = first_counts
        self._start = self._shown = time.monotonic()
        self._first: Optional[Tuple[int, float]] = None  # items and time when the first was done
        self._visible = False

    def step(self, **values: Any) -> None:
        """Counts one more item. values: the form's own fields."""
        self.update(self.done + 1, **values)

    def update(self, done: int, **values: Any) -> None:
        """Sets the number of items that are done. values: the form's own fields."""
        now, before = time.monotonic(), self.done
        self.done = done
        seconds = None  # per item
        if self._first is None:
            self._first = done, now
            if self._first_counts and done > before:
                seconds = (now - self._start) / (done - before)
        elif done > self._first[0]:
            seconds = (now - self._first[1]) / (done - self._first[0])
        if self._is_due(now):
            self._shown = now
            self._write(self._line(seconds, values))

    def clear(self) -> None:
        """Removes the line from a terminal; the next item draws it again."""
        if self._visible:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._visible = False

    def _is_due(self, now: float) -> bool:
        if self.done == self.total:
            return True
        if self._terminal:
            return not self._visible or now - self._shown >= _REDRAW_SECONDS
        if self._plain_every is None:
            return now - self._shown >= _PLAIN_SECONDS
        first = self._first is not None and self.done == self._first[0]
        return first or self.done % self._plain_every == 0

    def _line(self, seconds: Optional[float], values: dict) -> str:
        full = self._width * self.done // self.total
        return self._form.format(
            done=self.done,
            total=self.total,
            bar=self._cells[0] * full + self._cells[1] * (self._width - full),
            rate=f"{self._per_item / seconds:.1f}" if seconds else "...",
            left="..." if seconds is None else clock((self.total - self.done) * seconds),
            **values,
        )

    def _write(self, line: str) -> None:
        end = "\n" if not self._terminal or self.done == self.total else ""
        self._stream.write(("\r\x1b[K" if self._terminal else "") + line + end)
        self._stream.flush()
        self._visible = self._terminal


def photographs_bar(total: int) -> ProgressBar:
    """The bar of the commands that fill photographs, on stderr."""
    plain = "{done}/{total} photographs, {left} left"
    return ProgressBar(
        total, "[{bar}] " + plain, plain, cells=("#", "."), width=30, first_counts=True
    )


def clock(seconds: float) -> str:
    """A duration in words: 65 -> "1:05", 3700 -> "1 h 02 min", 2e5 -> "2.3 days"."""
    if seconds > 48 * 3600:
        return f"{seconds / 86400:.1f} days"
    if seconds >= 3599.5:
        return "{} h {:02d} min".format(*divmod(int(seconds / 60 + 0.5), 60))
    return "{}:{:02d}".format(*divmod(int(seconds + 0.5), 60))
