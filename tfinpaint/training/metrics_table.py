"""The file metrics.csv of a run.

table = MetricsTable("runs/mine/metrics.csv", first=0)
table.add({"step": 1, "loss": 0.5})
"""

import contextlib
import csv
import os
from typing import Any, Dict, List

from tfinpaint import atomic


class MetricsTable:
    """The file metrics.csv: one row per step, in order; a new value adds a column.

    Opened at a later step, by a resumed run, it drops the rows after that step: the run is about
    to write them again. A row that cannot be written is kept, and written with the next one.
    """

    def __init__(self, path: str, first: int):
        self._path = path
        self._rows: List[Dict[str, Any]] = []  # strings as read from the file, or numbers
        self._columns: List[str] = []
        if first and os.path.isfile(path):
            with open(path, newline="", encoding="utf-8") as f:
                for row in csv.DictReader(f):
                    step = int(row["step"]) if (row["step"] or "").isdigit() else 0
                    if not (int(self._rows[-1]["step"]) if self._rows else 0) < step <= first:
                        break  # will be written again, or is a last line cut short with the run
                    self._rows.append(row)

    def add(self, row: Dict[str, float]) -> None:
        """Adds a row, which has a "step". A row of the same step as the last is merged into it."""
        if self._rows and int(self._rows[-1]["step"]) == row["step"]:
            self._rows[-1].update(row)
        elif self._columns and set(row) <= set(self._columns):
            self._rows.append(row)
            self._append(row)
            return
        else:
            self._rows.append(row)
        self._rewrite()

    def _append(self, row):
        length = os.path.getsize(self._path)
        try:
            with open(self._path, "a", newline="", encoding="utf-8") as f:
                csv.DictWriter(f, self._columns, restval="").writerow(row)
        except OSError:
            self._columns = []  # all is written anew the next time
            with contextlib.suppress(OSError):
                os.truncate(self._path, length)
            raise

    def _rewrite(self):
        columns = list(dict.fromkeys(name for row in self._rows for name in row))
        self._columns = []
        with (
            atomic.replacing(self._path) as beside,
            open(beside, "w", newline="", encoding="utf-8") as f,
        ):
            writer = csv.DictWriter(f, columns, restval="")
            writer.writeheader()
            writer.writerows(self._rows)
        self._columns = columns
