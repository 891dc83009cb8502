"""The progress bar of all commands: a line that is redrawn on a terminal, and elsewhere a plain line now and then.

    bar = ProgressBar(600, "step {done}/{total} [{bar}] loss {loss:.3f}  {rate} images/s  {left} left")
    bar.update(50, loss=0.52)    # step 50/600 [=                   ] loss 0.520  3.1 images/s  2:57 left
    bar.clear()                  # takes the line away, so that a line of text can be printed in its place

Why not tqdm: where the output is no terminal it writes one line without an end, which a log file shows as a single line of
many pages. And its speed counts the first item, which in TensorFlow also traces a graph and takes as long as hundreds of others.
"""

import sys
import time
from typing import Any, Optional, TextIO, Tuple

_REDRAWN = 0.3  # seconds between two drawings on a terminal
_PLAIN = 10.0  # seconds between two plain lines, where no number of items is given


class ProgressBar:
    """Draws how many of `total` items are done.

    Args:
        total: number of items.
        form: the line, with the fields {done}, {total}, {bar}, {rate} (items a second times `per_item`), {left} (time), and those
            that `update` is given.
        plain_form: the line where `stream` is no terminal; None: `form`.
        done: items that were done before and say nothing about the speed.
        per_item: what {rate} counts in one item (images in a batch).
        plain_every: items between two plain lines; the first item has one too. None: a line every ten seconds.
        cells: how a cell of the bar is drawn, done and not done.   width: cells of the bar.
        first_counts: whether the time of the first item stands for the others' until there is a second one.
        stream: where the lines go; None: stderr.
    """

    def __init__(self, total: int, form: str, plain_form: Optional[str] = None, *, done: int = 0, per_item: int = 1,
                 plain_every: Optional[int] = None, cells: Tuple[str, str] = ("=", " "), width: int = 20,
                 first_counts: bool = False, stream: Optional[TextIO] = None):
        self.total, self.done = total, done
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._form = form if self._terminal or plain_form is None else plain_form
        self._per_item, self._plain_every, self._cells, self._width = per_item, plain_every, cells, width
        self._first_counts = first_counts
        self._start = self._shown = time.monotonic()
        self._first: Optional[Tuple[int, float]] = None  # after which item the speed is measured, and since when
        self._visible = False

    def step(self, **values: Any) -> None:
        """One more item is done."""
        self.update(self.done + 1, **values)

    def update(self, done: int, **values: Any) -> None:
        """So many items are done. values: of the form's own fields."""
        before, self.done = self.done, done
        now = time.monotonic()
        if self._first is None:
            self._first = done, now
            seconds_each = (now - self._start) / (done - before) if self._first_counts and done > before else None
        else:
            seconds_each = (now - self._first[1]) / (done - self._first[0]) if done > self._first[0] else None
        if not self._is_due(now):
            return
        self._shown = now
        rate = "..." if not seconds_each else f"{self._per_item / seconds_each:.1f}"
        left = "..." if seconds_each is None else clock((self.total - done) * seconds_each)
        full = self._width * done // self.total
        bar = self._cells[0] * full + self._cells[1] * (self._width - full)
        line = self._form.format(done=done, total=self.total, bar=bar, rate=rate, left=left, **values)
        last = done == self.total
        self._stream.write(f"\r\x1b[K{line}{chr(10) if last else ''}" if self._terminal else line + "\n")
        self._stream.flush()
        self._visible = self._terminal

    def clear(self) -> None:
        """Takes the line away on a terminal; the next item draws it again."""
        if self._visible:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._visible = False

    def _is_due(self, now: float) -> bool:
        if self.done == self.total:
            return True
        if self._terminal:
            return not self._visible or now - self._shown >= _REDRAWN
        if self._plain_every is None:
            return now - self._shown >= _PLAIN
        return self.done % self._plain_every == 0 or self.done == 1


def photographs_bar(total: int) -> ProgressBar:
    """The bar of the commands that fill photographs, on stderr."""
    return ProgressBar(total, "[{bar}] {done}/{total} photographs, {left} left", "{done}/{total} photographs, {left} left",
                       cells=("#", "."), width=30, first_counts=True)


def clock(seconds: float) -> str:
    """65 -> "1:05", 3700 -> "1:01:40"."""
    minutes, seconds = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
