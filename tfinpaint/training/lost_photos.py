"""Photographs that vanish during a run, because a disk is removed or a folder is emptied.

The input pipeline replaces one that cannot be read by another. The run ends when none is left, or
when a stream breaks off. This module turns the error that TensorFlow then raises into a message for
the user.
"""

from typing import Optional, Union

import tensorflow as tf

from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.data.photos import PhotoStream
from tfinpaint.settings import SettingsError, first_line

# Errors of a TFDS data set whose files are gone, damaged or locked.
_OF_READING = (
    tf.errors.NotFoundError,
    tf.errors.DataLossError,
    tf.errors.PermissionDeniedError,
    tf.errors.InvalidArgumentError,
)


def reading_failure(
    source: Union[IndexedPhotos, PhotoStream], error: tf.errors.OpError
) -> Optional[SettingsError]:
    """The message for an error of a training step that the photographs caused; else None."""
    if isinstance(source, IndexedPhotos):
        return source.lost
    if isinstance(error, _OF_READING) and "IteratorGetNext" in str(error):
        return SettingsError(f"a photograph of `source` cannot be read: {first_line(error)}")
    return None
