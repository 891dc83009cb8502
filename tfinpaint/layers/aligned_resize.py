"""Bilinear resizing with the centres of the corner pixels aligned.

Row i of n takes its value at i (N - 1) / (n - 1) of N rows, columns alike; a single one takes the
first. It is PyTorch's `interpolate(align_corners=True)`, which TensorFlow 2 does not have.
"""

from typing import Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import Size, shape


def resize_aligned(x: tf.Tensor, height: Size, width: Size) -> tf.Tensor:
    """[B, H, W, C] -> [B, height, width, C], in the type of x."""
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
    """The two rows that each wanted row lies between, and the share of the second.

    In whole numbers up to the share: rounded products would move what falls on a row beside it. The
    share is float32: a quotient of whole numbers is float64, which TFLite does not divide.
    """
    steps = tf.maximum(wanted - 1, 1)
    places = tf.range(wanted) * (size - 1)  # in units of 1 / steps
    before = places // steps
    share = tf.cast(places % steps, tf.float32) / tf.cast(steps, tf.float32)
    return before, tf.minimum(before + 1, size - 1), share
