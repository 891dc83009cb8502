"""Reduces the hole of an image to the size of a feature map, as the papers and their code do it.

All functions take hole [B, r * h, r * w, 1], 1 where missing, for a whole number r, and return
[B, h, w, 1]. If the graph knows the sizes, they raise ValueError if r is not a whole number. r may
differ between rows and columns, unless `check_one_factor` is called. (Contextual attention samples
the hole instead, see contextual_attention.py.)
"""

import tensorflow as tf

from tfinpaint.layers.shapes import Size, shape

# In the released code of coherent semantic attention, a cell is missing if its mean is larger.
_MISSING_FROM = 5 / 16
_WRONG_SIZE = "the hole's size is a whole multiple of the features'. Got {}x{} and {}x{}"


def any_pixel(hole: tf.Tensor, h: Size, w: Size) -> tf.Tensor:
    """A cell is missing if any of its pixels is, as in the papers."""
    return tf.expand_dims(tf.reduce_max(_cells(hole, h, w), axis=(2, 4)), -1)


def top_left_pixel(hole: tf.Tensor, h: Size, w: Size) -> tf.Tensor:
    """A cell is missing if its top-left pixel is: PyTorch's nearest neighbour."""
    return tf.expand_dims(_cells(hole, h, w)[:, :, 0, :, 0], -1)


def mean_by_halves(hole: tf.Tensor, h: Size, w: Size) -> tf.Tensor:
    """Halves the hole until it fits, by means over 4x4 cells. -> bool, where the result is > 5/16.

    A hole that has the right size already is used unchanged.

    Raises: ValueError if r is not a power of 2.
    """
    full_h, full_w = shape(hole)[1:3]
    _check(hole, h, w)
    if not _sizes_are_known(hole, h, w):
        return _halved_until(hole, h, w) > tf.where(
            full_h > h, tf.constant(_MISSING_FROM, hole.dtype), 0
        )
    times = (full_h // h).bit_length() - 1
    if 2**times != full_h // h:
        raise ValueError(
            "the hole's size is the features' times a power of 2. "
            f"Got {full_h}x{full_w} and {h}x{w}"
        )
    for _ in range(times):
        hole = _halve(hole)
    return hole > (_MISSING_FROM if times else 0)


def check_one_factor(hole: tf.Tensor, h: Size, w: Size) -> None:
    """Raises ValueError if r is not the same along rows and columns."""
    full_h, full_w = shape(hole)[1:3]
    _check(hole, h, w)
    if _sizes_are_known(hole, h, w) and full_h * w != full_w * h:
        raise ValueError(_WRONG_SIZE.format(full_h, full_w, h, w))


def _cells(hole, h, w):
    """Groups pixels by cell: [B, r * h, r * w, 1] -> [B, h, r, w, r]."""
    _check(hole, h, w)
    b, full_h, full_w, _ = shape(hole)
    return tf.reshape(hole, [b, h, full_h // h, w, full_w // w])


def _halve(hole):
    """Means over 4x4 cells, stride 2, zeros beyond the border: [B, H, W, 1] -> [B, H/2, W/2, 1]."""
    return tf.nn.avg_pool2d(tf.pad(hole, [[0, 0], [1, 1], [1, 1], [0, 0]]), 4, 2, "VALID")


def _halved_until(hole, h, w):
    """Halves until the size is h x w, where the number of halvings is known only at run time."""
    unknown = tf.TensorShape([hole.shape[0], None, None, 1])
    (halved,) = tf.while_loop(
        lambda x: tf.shape(x)[1] > h, lambda x: (_halve(x),), [hole], shape_invariants=[unknown]
    )
    return tf.reshape(halved, [shape(hole)[0], h, w, 1])


def _sizes_are_known(hole, h, w):
    return all(isinstance(side, int) for side in (h, w, *shape(hole)[1:3]))


def _check(hole, h, w):
    full_h, full_w = shape(hole)[1:3]
    if _sizes_are_known(hole, h, w) and (full_h % h or full_w % w):
        raise ValueError(_WRONG_SIZE.format(full_h, full_w, h, w))
