"""The memory of a process, this one or another, as Linux counts it."""

import os
import pathlib
import re


def most_megabytes(pid=None):
    """The most resident memory that a process had, since the last `forget_most`."""
    status = pathlib.Path(f"/proc/{pid or os.getpid()}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def forget_most(pid=None):
    """`most_megabytes` begins again with what the process has now."""
    pathlib.Path(f"/proc/{pid or os.getpid()}/clear_refs").write_text("5")
