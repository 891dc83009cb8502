"""The file metrics.csv of a run.

table = MetricsTable("runs/mine", first=0)
table.cut()
table.add({"step": 1, "loss": 0.5})
"""

import contextlib
import csv
import os
from typing import Any, Dict, List

from tfinpaint import atomic
from tfinpaint.metrics_file import METRICS_FILE, read_rows


class MetricsTable:
    """The file metrics.csv: one row per step, in order. A new name in a row adds a column.

    The rows after step `first` are dropped, because a resumed run is about to write them again. A
    row that cannot be written is kept and written with the next one. If the file is moved away, the
    next row writes all rows again.

    Making the object writes nothing.

    Args:
        run_dir: the run directory, which holds the file.
        first: the step that the run goes on from; -1 keeps no row.

    Raises: SettingsError if the file exists and cannot be read.
    """

    def __init__(self, run_dir: str, first: int):
        self._path = os.path.join(run_dir, METRICS_FILE)
        self._rows: List[Dict[str, Any]] = []  # strings as read from the file, or numbers
        self._columns: List[str] = []  # of the file; empty: all rows must be written again
        rows, last = read_rows(run_dir, "run_dir"), -1
        for row in rows:
            step = int(row["step"]) if row["step"].isdecimal() else -1
            if not last < step <= first:
                break  # it will be written again, or the run was killed while it wrote it
            self._rows.append(row)
            last = step
        self._stale = len(self._rows) < len(rows)

    def cut(self) -> None:
        """Removes the dropped rows from the file.

        Without this they would stay until a row is written, which may never happen.
        """
        if not self._stale:
            return
        if self._rows:
            self._rewrite()
        else:
            os.remove(self._path)
        self._stale = False

    def add(self, row: Dict[str, float]) -> None:
        """Adds a row, {column: value}, which has a "step". One of the last step is merged into it.

        Raises: OSError if the file cannot be written.
        """
        if self._rows and int(self._rows[-1]["step"]) == row["step"]:
            self._rows[-1].update(row)
        elif self._columns and set(row) <= set(self._columns) and os.path.exists(self._path):
            self._rows.append(row)
            self._append(row)
            return
        else:
            self._rows.append(row)
        self._rewrite()

    def _append(self, row):
        length = None
        try:
            length = os.path.getsize(self._path)
            with open(self._path, "a", newline="", encoding="utf-8") as f:
                csv.DictWriter(f, self._columns, restval="").writerow(row)
        except OSError:
            self._columns = []  # the next row writes all rows again
            if length is not None:
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
