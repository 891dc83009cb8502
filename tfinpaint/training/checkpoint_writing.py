"""Writes checkpoints, none of which is ever seen half written, and deletes old ones.

A checkpoint is two files. Both are written to a hidden folder, flushed to disk and then moved into
place. The index is moved last, because readers look for the index. A process that is killed in
between leaves files that the next write removes.

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

KEPT = 3  # how many of the last checkpoints are kept
# A checkpoint is known to be good if this many steps after it had finite losses. (A run ends at the
# first step that has not.)
GOOD_AFTER = 100
_HIDDEN = ".writing"


def write(checkpoint: tf.train.Checkpoint, folder: str, step: int) -> str:
    """Writes the checkpoint ckpt-STEP into a folder and returns its path without an ending.

    Raises: OSError or tf.errors.OpError if it cannot be written. The checkpoints that the folder
        held are then unchanged.
    """
    os.makedirs(folder, exist_ok=True)
    clean(folder)
    hidden, name = os.path.join(folder, _HIDDEN), f"ckpt-{step}"
    try:
        os.mkdir(hidden)
        checkpoint.save_counter.assign_add(1)  # readers of checkpoints expect this variable
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
    """Deletes the checkpoints that `kept` does not name. Lists the others in TensorFlow's format.

    The list, a file `checkpoint`, is for other programs. That it cannot be written is no error.

    step: that of the last checkpoint.
    """
    by_step = checkpoint_files.numbered(folder)
    keep = kept(by_step, step)
    for number, path in by_step.items():
        if number not in keep:
            # The index first: without it, the other file is not taken for a checkpoint.
            for part in sorted(glob.glob(f"{glob.escape(path)}.*"), reverse=True):
                with contextlib.suppress(OSError):
                    os.remove(part)
    names = [os.path.basename(by_step[number]) for number in sorted(keep)]
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    with contextlib.suppress(OSError):
        atomic.write_text(os.path.join(folder, "checkpoint"), "\n".join(lines) + "\n")


def kept(steps: Iterable[int], last: int) -> Set[int]:
    """Which of the checkpoints at `steps` are kept when the last one is at step `last`.

    These are the last three; the newest that is known to be good, or the first one if none is; and
    the one after that, which will be known to be good in time.
    """
    ordered = sorted(steps)
    good = known_good(ordered, last)
    return {*ordered[-KEPT:], *ordered[ordered.index(good) :][:2]}


def known_good(steps: Iterable[int], last: int) -> int:
    """The newest of `steps` that is known to be good; the first of them if none is.

    steps: those of the checkpoints, at least one.
    last: the last step whose loss was finite.
    """
    ordered = sorted(steps)
    return max([step for step in ordered if step <= last - GOOD_AFTER], default=ordered[0])


def clean(folder: str) -> None:
    """Removes the parts of a checkpoint that a killed process has left in a folder."""
    shutil.rmtree(os.path.join(folder, _HIDDEN), ignore_errors=True)
    for path in glob.glob(os.path.join(glob.escape(folder), "ckpt-*")):
        # Earlier releases let TensorFlow write the files itself, which may leave such a folder.
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
