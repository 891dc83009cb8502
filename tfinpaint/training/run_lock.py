"""Keeps two processes from training in one run directory.

    with RunLock("runs/mine") as lock:
        lock.take()                     # if the folder exists already
        ...
        with lock.making_folder():      # makes the folder if it is new, and takes it
            ...                         # write the first files

The lock is the operating system's (flock, on the folder itself). It leaves no file, and it is
released when its process ends, however that happens. Where the operating system or the file system
has no such lock, nothing is locked.
"""

import contextlib
import os
from typing import Any, Iterator, Optional

from tfinpaint import atomic
from tfinpaint.settings import SettingsError, os_reason


class RunLock:
    """The lock on a run directory, released at the end of the block; see the module's docstring."""

    def __init__(self, run_dir: str):
        self._run_dir = run_dir
        self._descriptor: Optional[int] = None

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def take(self) -> None:
        """Locks the folder for this process until the end of the block, if the folder exists.

        Raises: SettingsError if another process has locked it.
        """
        if self._descriptor is not None:
            return
        try:
            import fcntl

            descriptor = os.open(self._run_dir, os.O_RDONLY)
        except (ImportError, OSError):  # Windows; no such folder, or one that cannot be read
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise SettingsError(
                f"another process trains in `run_dir={self._run_dir!r}`: wait for its end"
            ) from None
        except OSError:  # a file system without locks
            pass
        self._descriptor = descriptor

    @contextlib.contextmanager
    def making_folder(self) -> Iterator[None]:
        """A context for a block that writes the first files. The folder is made if need be.

        The folder is then locked as by `take`.

        Raises: SettingsError if the folder cannot be made, locked or written. A new folder is then
            removed again.
        """
        refusal = None
        try:
            with atomic.folder(self._run_dir):
                try:
                    self.take()
                except SettingsError as error:  # the folder stays: another process has it
                    refusal = error
                else:
                    yield
        except OSError as error:
            raise SettingsError(
                f"`run_dir={self._run_dir!r}` cannot be written: {os_reason(error)}"
            ) from error
        if refusal:
            raise refusal
