"""Locks on folders of the study, so that several processes can share an output.

with taken(folder) as lock:     # None if another process has it
    ...
"""

import contextlib
import fcntl
import os
from typing import Iterator, Optional

_LOCK = "lock"


@contextlib.contextmanager
def taken(folder: str, wait: bool = False) -> Iterator[Optional[int]]:
    """Locks a folder for this process. Yields the lock, or None if another process has it.

    wait:  whether to wait until the other process has released the lock or has ended.

    The lock is the operating system's: it is released once every process that has the file open has
    ended. A training process holds it too (`pass_fds`). So if its parent is killed, no other
    process takes the folder before the training has written its checkpoint.
    """
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, _LOCK), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield file.fileno()
