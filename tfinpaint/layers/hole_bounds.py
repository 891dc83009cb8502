"""The bounding box of the hole of each picture."""

from typing import Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import shape


def first_and_last(holes: tf.Tensor, axis: int) -> Tuple[tf.Tensor, tf.Tensor]:
    """First and last missing row (or column) of each picture: int32 [B] each.

    Args:
        holes: [B, H, W, 1], above 0 where missing. For a picture without a hole, the first is 0 and
            the last H - 1 (or W - 1).
        axis: 1 for rows, 2 for columns.
    """
    missing = tf.reduce_max(holes, [3 - axis, 3]) > 0  # [B, N], along the axis
    first = tf.argmax(missing, 1, output_type=tf.int32)
    last = shape(missing)[1] - 1 - tf.argmax(missing[:, ::-1], 1, output_type=tf.int32)
    return first, last
