"""Which process has a folder of the study.

with taken(folder) as lock:     # None where another process has it
    ...
"""

import contextlib
import fcntl
import os
from typing import Iterator, Optional

_LOCK = "lock"


@contextlib.contextmanager
def taken(folder: str, wait: bool = False) -> Iterator[Optional[int]]:
    """Takes a folder for this process. Yields the lock, or None where another process has it.

    wait:  until the other one is done with it, or dead.

    The lock is the system's: it is gone once every process that has the file open has ended. A
    training process gets it too (`pass_fds`), so that one whose parent was killed keeps others away
    until it has written its checkpoint.
    """
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, _LOCK), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield file.fileno()
