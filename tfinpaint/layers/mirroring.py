"""Mirroring at the border of a picture, edge included, as often as needed.

tf.pad mirrors only once, which is too little for a picture that is one pixel wide.
"""

from typing import Any

import tensorflow as tf


def mirrored(side: Any, first: Any, end: Any) -> tf.Tensor:
    """The row (or column) of a picture that each row of the mirrored picture shows.

    Args:
        side: number of rows of the picture.
        first, end: the rows of the mirrored picture, in which 0 to side - 1 are the picture's own.
            Those above have negative numbers.

    Returns:
        int32 [end - first], each from 0 to side - 1. With a side of 3, rows -2 to 7 show
        1, 0, 0, 1, 2, 2, 1, 0, 0, 1.
    """
    index = tf.math.floormod(tf.range(first, end), 2 * side)
    return tf.minimum(index, 2 * side - 1 - index)
