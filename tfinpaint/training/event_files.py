"""Cuts TensorBoard's event files of a run at the step that a resumed run goes on from.

A run that was killed has written points after its last checkpoint. The resumed run writes the
points of those steps again. Without the cut they would be there twice, and the curve would run
backwards. metrics.csv is cut in the same way (metrics_table.py).
"""

import glob
import os
from typing import List

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.util import event_pb2

from tfinpaint import atomic

# The tags that a run writes again if it is resumed after its last step.
_AT_THE_END = ("validation/", "samples", "attention/")


def cut(folder: str, step: int, is_last: bool = False) -> List[str]:
    """Drops the points after `step`, and incomplete records, from the event files in a folder.

    A file in which nothing is to be dropped is left alone.

    is_last: whether the run has no step left. It then writes the validation figures and samples of
        `step` again, so these are dropped too.

    Returns: the files that cannot be read or written, which are left as they are.
    """
    left = []
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "events.out.tfevents.*"))):
        try:
            _cut_file(path, step, is_last)
        except (OSError, tf.errors.OpError, DecodeError):
            left.append(path)
    return left


def _cut_file(path: str, step: int, is_last: bool) -> None:
    dropped = False
    with atomic.beside(path) as new:
        with tf.io.TFRecordWriter(new) as writer:
            try:
                for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
                    event = event_pb2.Event.FromString(record)
                    if _stays(event, step, is_last):
                        writer.write(record)
                    else:
                        dropped = True
            except (tf.errors.DataLossError, tf.errors.OutOfRangeError):
                dropped = True  # the run was killed while it wrote the last record
        if dropped:
            os.replace(new, path)


def _stays(event: event_pb2.Event, step: int, is_last: bool) -> bool:
    if not event.HasField("summary") or event.step < step:
        return True
    if event.step > step:
        return False
    again = all(value.tag.startswith(_AT_THE_END) for value in event.summary.value)
    return not (is_last and again)
