"""File systems of their own that tests fill up, or turn read-only. They need root; else it skips.

with small(folder) as place:                   # a tmpfs of 24 MB
    fill(place)
with breaking(folder) as (place, break_it):    # an ext4 in a file
    break_it()
"""

import contextlib
import os
import pathlib
import shutil
import subprocess

import pytest


@contextlib.contextmanager
def small(place):
    """24 MB: room for a few checkpoints of a small system."""
    with _mounted(place, "-t", "tmpfs", "-o", "size=24m", "tmpfs"):
        yield place


@contextlib.contextmanager
def breaking(place):
    """-> its folder, and a function that makes it read-only although files are open, as ext4 does
    when its disk reports an error."""
    image = place.with_suffix(".image")
    with open(image, "wb") as f:
        f.truncate(64 * 2**20)
    if not shutil.which("mkfs.ext4") or subprocess.run(["mkfs.ext4", "-q", str(image)]).returncode:
        pytest.skip("there is no mkfs.ext4")
    with _mounted(place, "-o", "loop,errors=remount-ro", str(image)):
        found = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", str(place)], capture_output=True, text=True
        )
        trigger = pathlib.Path("/sys/fs/ext4") / os.path.basename(found.stdout.strip())
        if not os.access(trigger / "trigger_fs_error", os.W_OK):
            pytest.skip("this kernel has no trigger for file system errors")
        yield place, lambda: (trigger / "trigger_fs_error").write_text("1")


def fill(place):
    """Leaves no room at all."""
    for size in (2**16, 1):
        with contextlib.suppress(OSError), open(place / "filler", "ab", buffering=0) as f:
            while f.write(bytes(size)):
                pass


@contextlib.contextmanager
def _mounted(place, *arguments):
    place.mkdir()
    done = subprocess.run(["mount", *arguments, str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
