"""Temporary folders, and the words for their place in messages.

with temporary.folder("tfinpaint-") as path:
    ...                                     # removed at the end
"""

import contextlib
import tempfile
from typing import Iterator

from tfinpaint.settings import SettingsError, os_reason


@contextlib.contextmanager
def folder(prefix: str) -> Iterator[str]:
    """Yields the path of an empty folder, which is removed at the end.

    Raises: SettingsError if it cannot be made.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix=prefix)
    except OSError as error:
        raise SettingsError(f"{place()} cannot be written: {os_reason(error)}") from error
    with made as path:
        yield path


def place() -> str:
    """In words, the folder that contains temporary folders, and how to choose another."""
    try:
        where = f" {tempfile.gettempdir()}"
    except OSError:  # there is none that can be written to
        where = ""
    return f"the temporary folder{where} (TMPDIR=FOLDER chooses another)"
