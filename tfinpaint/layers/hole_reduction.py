"""From the hole of an image to the cells of a smaller map, as the papers and their code do it.

All functions take hole [B, r * h, r * w, 1], 1 where missing, for a whole r, and return
[B, h, w, 1]. If the graph knows the sizes, they raise ValueError for an r that is not a whole
number. Along rows and columns r may differ, unless `check_one_factor` is called.
(Contextual attention samples the hole instead, see contextual_attention.py.)
"""

import tensorflow as tf

from tfinpaint.layers.shapes import Size, shape

_MISSING_FROM = 5 / 16  # of a mean, in the code that came with coherent semantic attention
_WRONG_SIZE = "the hole's size is a whole multiple of the features'. Got {}x{} and {}x{}"


def any_pixel(hole: tf.Tensor, h: Size, w: Size) -> tf.Tensor:
    """A cell is missing if any of its pixels is: the papers' reading."""
    return tf.expand_dims(tf.reduce_max(_cells(hole, h, w), axis=(2, 4)), -1)


def top_left_pixel(hole: tf.Tensor, h: Size, w: Size) -> tf.Tensor:
    """A cell is what its top-left pixel is: the nearest neighbour as PyTorch takes it."""
    return tf.expand_dims(_cells(hole, h, w)[:, :, 0, :, 0], -1)


def mean_by_halves(hole: tf.Tensor, h: Size, w: Size) -> tf.Tensor:
    """Halved until it fits, each time to means of 4x4 cells. -> bool: what then exceeds 5/16.

    A hole of the right size is taken as it is. r is a power of 2.
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
    """The pixels of each cell: [B, r * h, r * w, 1] -> [B, h, r, w, r]."""
    _check(hole, h, w)
    b, full_h, full_w, _ = shape(hole)
    return tf.reshape(hole, [b, h, full_h // h, w, full_w // w])


def _halve(hole):
    """Means of 4x4 cells, 2 apart, zeros beyond the border: [B, H, W, 1] -> [B, H/2, W/2, 1]."""
    return tf.nn.avg_pool2d(tf.pad(hole, [[0, 0], [1, 1], [1, 1], [0, 0]]), 4, 2, "VALID")


def _halved_until(hole, h, w):
    """Halves the same number of times, if only the running graph knows it."""
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
