"""The table of photographs that tools.attribution and tools.prepare_data read.

It is a module of its own, so that neither of the two commands has the flags of the other.
"""

import csv
from typing import Dict, List, Sequence

from tfinpaint.settings import SettingsError

COLUMNS = ("file", "author", "licence", "from", "path")


def table(path: str, flag: str, columns: Sequence[str] = COLUMNS) -> List[Dict[str, str]]:
    """The rows of a table of photographs, {column: text} each, with only the named columns.

    Raises: SettingsError, which names the flag, if it cannot be read or lacks a column.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as f:
            reader = csv.DictReader(f)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"--{flag}={path} cannot be read: {error}") from error
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise SettingsError(
            f"--{flag}={path} has no column {missing[0]}; it needs {', '.join(columns)}"
        )
    return [{name: (row[name] or "").strip() for name in columns} for row in rows]
