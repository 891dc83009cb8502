"""Writes a checkpoint so that one that is cut off is never taken for a whole one; drops old ones.

A checkpoint is two files. Both are written in a hidden folder, brought to the disk, and renamed to
their place, the index last, because a checkpoint is there once its index is. A process that is
killed in between leaves files that the next write removes.

    write(tf.train.Checkpoint(...), RUN/checkpoints, 2000)      RUN/checkpoints/ckpt-2000.*
    drop_old(RUN/checkpoints, 2000)
"""

import contextlib
import glob
import os
import re
import shutil
from typing import Iterable, Set

import tensorflow as tf

from tfinpaint import atomic, checkpoint_files

KEPT = 3  # the last ones
# A checkpoint is known to be good if so many steps after it had finite losses. (A run ends with the
# first that is not.)
GOOD_AFTER = 100
_HIDDEN = ".writing"


def write(checkpoint: tf.train.Checkpoint, folder: str, step: int) -> str:
    """Writes ckpt-STEP in a folder and returns it. Raises OSError or tf.errors.OpError.

    If it cannot be written, what the folder held stays as it was.
    """
    os.makedirs(folder, exist_ok=True)
    clean(folder)
    hidden, name = os.path.join(folder, _HIDDEN), f"ckpt-{step}"
    try:
        os.mkdir(hidden)
        checkpoint.save_counter.assign_add(1)  # readers of checkpoints expect one
        checkpoint.write(os.path.join(hidden, name))
        parts = sorted(os.listdir(hidden), key=lambda part: part.endswith(".index"))
        for part in parts:
            _to_disk(os.path.join(hidden, part))
        for part in parts:
            os.replace(os.path.join(hidden, part), os.path.join(folder, part))
        _to_disk(folder)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return os.path.join(folder, name)


def drop_old(folder: str, step: int) -> None:
    """Deletes the checkpoints that `kept` does not name, and writes TensorFlow's list of them.

    step: the last one. The list is for other programs, so a folder in which it cannot be written is
    no error.
    """
    by_step = checkpoint_files.numbered(folder)
    keep = kept(by_step, step)
    for number, path in by_step.items():
        if number not in keep:
            # The index first: without it the other file is no checkpoint.
            for part in sorted(glob.glob(f"{glob.escape(path)}.*"), reverse=True):
                with contextlib.suppress(OSError):
                    os.remove(part)
    names = [os.path.basename(by_step[number]) for number in sorted(keep)]
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    with contextlib.suppress(OSError):
        atomic.write_text(os.path.join(folder, "checkpoint"), "\n".join(lines) + "\n")


def kept(steps: Iterable[int], last: int) -> Set[int]:
    """Which of the checkpoints of `steps` are kept when the last is of step `last`.

    The last three; the newest that is known to be good, or the first one if none is; and the first
    after that, which becomes the good one in time.
    """
    ordered = sorted(steps)
    good = known_good(ordered, last)
    return {*ordered[-KEPT:], *ordered[ordered.index(good) :][:2]}


def known_good(steps: Iterable[int], last: int) -> int:
    """The newest of `steps`, at least one, that is known to be good; the first if none is.

    last: the last step whose loss was finite.
    """
    ordered = sorted(steps)
    return max([step for step in ordered if step <= last - GOOD_AFTER], default=ordered[0])


def clean(folder: str) -> None:
    """Removes what a process that was killed while it wrote a checkpoint has left in a folder."""
    shutil.rmtree(os.path.join(folder, _HIDDEN), ignore_errors=True)
    for path in glob.glob(os.path.join(glob.escape(folder), "ckpt-*")):
        # Earlier releases of TensorFlow's own writing left such a folder.
        if path.endswith("_temp") and os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        found = re.fullmatch(r"(.*/ckpt-\d+)\.data-\d+-of-\d+", path)
        if found and not os.path.exists(found.group(1) + ".index"):
            with contextlib.suppress(OSError):
                os.remove(path)


def _to_disk(path: str) -> None:
    """Makes sure that a file or folder survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
