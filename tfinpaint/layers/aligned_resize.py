"""Bilinear resizing with the centres of the corner pixels aligned.

Row i of n output rows is sampled at position i (N - 1) / (n - 1) of the N input rows. A single
output row (n = 1) is the first input row. The same holds for columns. This is PyTorch's
`interpolate(mode="bilinear", align_corners=True)`, which TensorFlow 2 does not have.
"""

from typing import Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import Size, shape


def resize_aligned(x: tf.Tensor, height: Size, width: Size) -> tf.Tensor:
    """[B, H, W, C] -> [B, height, width, C], of the same type as x."""
    h, w = shape(x)[1:3]
    known = all(isinstance(side, int) for side in (h, w, height, width))
    if known and (h, w) == (height, width):
        return x
    return _along(_along(x, 1, h, height), 2, w, width)


def _along(x, axis, size, wanted):
    """Resizes one axis, 1 or 2."""
    before, after, share = _places(size, wanted)
    share = tf.reshape(tf.cast(share, x.dtype), [-1, 1, 1] if axis == 1 else [-1, 1])
    return (1 - share) * tf.gather(x, before, axis=axis) + share * tf.gather(x, after, axis=axis)


def _places(size: Size, wanted: Size) -> Tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The two input rows around each output row, and the weight of the second one.

    Positions are computed in integers: rounding would move a position that falls exactly on a row.
    The weight is a float32 quotient: TensorFlow divides integers in float64, which TFLite lacks.
    """
    steps = tf.maximum(wanted - 1, 1)
    places = tf.range(wanted) * (size - 1)  # in units of 1 / steps
    before = places // steps
    share = tf.cast(places % steps, tf.float32) / tf.cast(steps, tf.float32)
    return before, tf.minimum(before + 1, size - 1), share
