"""Tables (CSV) that can hold any file name.

    writer(file).writerow(("a\\rb.png", "20"))     # "a\\rb.png",20

Every line ends in "\\n".
"""

import csv
from typing import Any, Iterable, TextIO


def writer(file: TextIO) -> Any:
    """A csv.writer that quotes "\\r" too.

    Before Python 3.13, a writer quotes only the characters of its own line end, but a reader ends a
    row at any "\\r".
    """
    return csv.writer(_Lines(file), lineterminator="\r\n")


def dict_writer(file: TextIO, columns: Iterable[str]) -> "csv.DictWriter[str]":
    """The same for rows that are dictionaries. Keys that are not among `columns` are left out."""
    names = list(columns)
    return csv.DictWriter(_Lines(file), names, extrasaction="ignore", lineterminator="\r\n")


class _Lines:
    """A file that replaces the line end "\\r\\n" of each row by "\\n"."""

    def __init__(self, file: TextIO):
        self._file = file

    def write(self, row: str) -> None:
        """Called by csv for each row."""
        self._file.write(row.removesuffix("\r\n") + "\n")
