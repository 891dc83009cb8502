"""The one reader of a run's metrics.csv.

    rows = read_rows("runs/mine", "model")      # [{"step": "1", "loss": "0.5", "val_l1": ""}, ...]

A file that a spreadsheet has saved, with a byte-order mark or other line ends, is read too. A last
row that was cut short with the run is none.
"""

import csv
import os
from typing import Dict, List

from tfinpaint.settings import SettingsError, first_line

METRICS_FILE = "metrics.csv"


def read_rows(run_dir: str, argument: str) -> List[Dict[str, str]]:
    """The rows of the file in a run directory, in their order; none if there is no file.

    Args:
        argument: the name of `run_dir` in errors.

    Returns: {column: text} of each row, every one with all columns. Cells without a column are left
        out.

    Raises: SettingsError if the file cannot be read, or has no column `step`.
    """
    path = os.path.join(run_dir, METRICS_FILE)
    if not os.path.isfile(path):
        return []
    try:
        with open(path, newline="", encoding="utf-8-sig") as f:
            reader = csv.DictReader([line for line in f if line.endswith(("\n", "\r"))], restval="")
            rows = [{name: text for name, text in row.items() if name} for row in reader]
        if reader.fieldnames is not None and "step" not in reader.fieldnames:
            raise ValueError("it has no column `step`, with commas between the columns")
    except (OSError, ValueError, csv.Error) as error:
        raise cannot_be_read(run_dir, argument, error) from error
    return rows


def cannot_be_read(run_dir: str, argument: str, error: Exception) -> SettingsError:
    """The error about a file that is damaged."""
    return SettingsError(
        f"`{argument}={run_dir!r}`: its {METRICS_FILE} cannot be read: {first_line(error)}"
    )
