"""Photographs that vanish during a run: a disk that is taken away, a folder that is emptied.

One that cannot be read is replaced by another. The run ends when none is left, or when a stream
breaks off; what TensorFlow makes of that is turned back into a line for the user here.
"""

from typing import Optional, Union

import tensorflow as tf

from tfinpaint.data.indexed_photos import IndexedPhotos
from tfinpaint.data.photos import PhotoStream
from tfinpaint.settings import SettingsError, first_line

# of a TFDS set whose files are gone, damaged or locked
_OF_READING = (
    tf.errors.NotFoundError,
    tf.errors.DataLossError,
    tf.errors.PermissionDeniedError,
    tf.errors.InvalidArgumentError,
)


def reading_failure(
    source: Union[IndexedPhotos, PhotoStream], error: tf.errors.OpError
) -> Optional[SettingsError]:
    """What an error of a training step means if its cause are the photographs; else None."""
    if isinstance(source, IndexedPhotos):
        return source.lost
    if isinstance(error, _OF_READING) and "IteratorGetNext" in str(error):
        return SettingsError(f"a photograph of `source` cannot be read: {first_line(error)}")
    return None
