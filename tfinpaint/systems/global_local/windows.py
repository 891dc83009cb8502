"""The windows that the local critic sees, one for each image.

A window is given by its corner: the row and the column of its top left pixel, int32 [B, 2]. All
shapes are fixed, so that XLA can compile these functions.
"""

import tensorflow as tf

from tfinpaint.layers.hole_bounds import first_and_last
from tfinpaint.layers.shapes import shape


def around(holes: tf.Tensor, side: int, numbers: tf.Tensor) -> tf.Tensor:
    """The corners of random windows that contain the holes, int32 [B, 2].

    If a hole is longer than the window, the window is in the middle of the hole.

    Args:
        holes: [B, H, W, 1], 1 where missing.
        side: side of the window in pixels, at most H and W.
        numbers: float32 [B, 2] in [0, 1), random, for the rows and the columns of corners.
    """
    corners = []
    for axis in (1, 2):
        length = shape(holes)[axis]
        first, last = first_and_last(holes, axis)  # [B]
        low = tf.maximum(last + 1 - side, 0)
        high = tf.minimum(first, length - side)
        middle = tf.clip_by_value((first + last + 1 - side) // 2, 0, length - side)
        found = _between(low, high, numbers[:, axis - 1])
        corners.append(tf.where(low <= high, found, middle))
    return tf.stack(corners, 1)


def anywhere(images: tf.Tensor, side: int, numbers: tf.Tensor) -> tf.Tensor:
    """The corners of random windows of images [B, H, W, C]. Other arguments as for `around`."""
    height, width = shape(images)[1:3]
    return tf.stack(
        [_between(0, height - side, numbers[:, 0]), _between(0, width - side, numbers[:, 1])], 1
    )


def _between(low, high, numbers):
    """Maps each number in [0, 1) to an integer from low to high, both included."""
    count = tf.cast(high - low + 1, tf.float32)
    return low + tf.cast(tf.floor(numbers * count), tf.int32)
