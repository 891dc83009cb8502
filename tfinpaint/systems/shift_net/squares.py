"""Detects square holes, and crops the windows around them that the released losses see."""

import tensorflow as tf

from tfinpaint.layers.hole_bounds import first_and_last
from tfinpaint.layers.shapes import shape
from tfinpaint.layers.windows import cut


def are_square(holes: tf.Tensor) -> tf.Tensor:
    """Whether the hole of each picture is one filled square: [B, H, W, 1] -> bool [B].

    A picture without a hole counts as having a square of 0 x 0.
    """
    height, width = _bounds(holes, 1)[1], _bounds(holes, 2)[1]  # [B]
    missing = tf.reduce_sum(holes, [1, 2, 3])
    return (height == width) & (missing == tf.cast(height * width, holes.dtype))


def windows(images: tf.Tensor, holes: tf.Tensor, side: int) -> tf.Tensor:
    """Crops squares of `side` pixels, centred on the holes as far as they stay inside the picture.

    images [B, H, W, C], holes [B, H, W, 1] -> [B, side, side, C].
    """
    corners = []
    for axis in (1, 2):
        first, length = _bounds(holes, axis)  # [B]
        start = first + length // 2 - side // 2
        corners.append(tf.clip_by_value(start, 0, shape(images)[axis] - side))
    return cut(images, tf.stack(corners, 1), side, side)


def _bounds(holes, axis):
    """The bounding box along an axis: the first missing row (or column) and the length, int32 [B].

    axis: 1 for rows, 2 for columns. Without a hole the length is 0.
    """
    first, last = first_and_last(holes, axis)
    return first, (last - first + 1) * tf.cast(tf.reduce_max(holes, [1, 2, 3]) > 0, tf.int32)
