"""Spatial discount: the further a missing pixel is from what is known, the less it counts.

Source: Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018 (DeepFill v1),
gamma^distance. For a box, the released code takes the larger of gamma^min(i, h - i) and
gamma^min(j, w - j). i and j are counted from 0 at the top left corner, so the first row has gamma^0
and the last one gamma^1. That code does not handle holes of other shapes; here they use the
Euclidean distance.
"""

from typing import Optional

import tensorflow as tf


def spatial_discount(
    hole: tf.Tensor, gamma: float, distance: Optional[tf.Tensor] = None
) -> tf.Tensor:
    """Weights of the missing pixels, 0 outside the hole: [B, H, W, 1] float32. No gradient.

    The box formula above applies to a picture whose hole is one filled rectangle, gamma^distance to
    every other.

    Args:
        hole: [B, H, W, 1] of 0 and 1, 1 where missing.
        gamma: number in (0, 1] (paper: .99, released: .9).
        distance: [B, H, W, 1], the distance of missing pixels to the nearest known one, if it has
            been computed already. If None, it is computed when a hole of the batch is not a box.
    """
    hole = tf.stop_gradient(tf.cast(hole, tf.float32))
    rows, height = _side(tf.reduce_max(hole, [2, 3]), gamma)  # [B, H], [B]
    columns, width = _side(tf.reduce_max(hole, [1, 3]), gamma)  # [B, W], [B]
    # [B, H, W, 1]
    box = tf.maximum(rows[:, :, tf.newaxis, tf.newaxis], columns[:, tf.newaxis, :, tf.newaxis])
    # A picture without a hole has a box of 0 x 0.
    is_box = tf.equal(tf.reduce_sum(hole, [1, 2, 3]), height * width)  # [B]

    def with_free_form():
        far = (
            distance_to_known(hole)
            if distance is None
            else tf.stop_gradient(tf.cast(distance, tf.float32))
        )
        return tf.where(is_box[:, tf.newaxis, tf.newaxis, tf.newaxis], box, gamma**far)

    return hole * tf.cond(tf.reduce_all(is_box), lambda: box, with_free_form)


def _side(missing, gamma):
    """One side of the bounding box: gamma^min(i, n - i) [B, N], and its length n [B], float32.

    Outside the box the first is arbitrary.

    Args:
        missing: [B, N], 1 where a row (or a column) has a missing pixel.
    """
    last = tf.shape(missing)[1] - 1
    place = tf.range(last + 1)[tf.newaxis]  # [1, N]
    first = tf.reduce_min(tf.where(missing > 0, place, last + 1), 1, keepdims=True)  # [B, 1]
    # [B, 1]
    length = tf.maximum(
        tf.reduce_max(tf.where(missing > 0, place, -1), 1, keepdims=True) - first + 1, 0
    )
    # It is negative outside the box, where gamma^inward might be infinite.
    inward = tf.minimum(place - first, first + length - place)  # [B, N]
    return gamma ** tf.cast(tf.maximum(inward, 0), tf.float32), tf.cast(length[:, 0], tf.float32)


def distance_to_known(hole: tf.Tensor) -> tf.Tensor:
    """Euclidean distance of each missing pixel to the nearest known one: [B, H, W, 1] float32.

    It is 0 where the picture is known, and H + W all over a picture of which nothing is known. It
    has no gradient. It is exact: squared distances are whole numbers, which float32 holds for sides
    up to 2048. It compiles with `jit_compile=True`.

    Args:
        hole: [B, H, W, 1], 1 (above 0) where missing.
    """
    missing = tf.cast(hole > 0, tf.float32)[..., 0]  # [B, H, W]; a comparison: no gradient passes
    height, width = tf.shape(missing)[1], tf.shape(missing)[2]
    far = tf.cast(height + width, tf.float32)
    unknown = tf.TensorShape([None, None, None])

    # 1. Along columns. After steps of 1, 2, 4 ... every distance up to the height is a sum of the
    # steps taken.
    def down(step, column):
        nearer = _neighbours(_with_margins(column, 1, far), step, 1)
        return 2 * step, tf.minimum(column, nearer + tf.cast(step, tf.float32))

    column = tf.while_loop(
        lambda step, column: step < height, down, (1, far * missing), (tf.TensorShape([]), unknown)
    )[1]

    # 2. Along rows: the squares along both axes add up. No step needs to reach further than the
    # largest distance that is left.
    squares = tf.square(column)
    padded = _with_margins(squares, 2, far * far)

    def across(step, squared):
        return step + 1, tf.minimum(
            squared, _neighbours(padded, step, 2) + tf.cast(step * step, tf.float32)
        )

    def helps(step, squared):
        return (step < width) & (tf.cast(step * step, tf.float32) < tf.reduce_max(squared))

    squared = tf.while_loop(helps, across, (1, squares), (tf.TensorShape([]), unknown))[1]
    return tf.ensure_shape(tf.sqrt(squared)[..., tf.newaxis], hole.shape)


def _with_margins(field, axis, value):
    """[B, H, W] with its own size of `value` on both sides along an axis."""
    margin = tf.one_hot(axis, 3, tf.shape(field)[axis], 0)
    return tf.pad(field, tf.stack([margin, margin], 1), constant_values=value)


def _neighbours(padded, step, axis):
    """The smaller of the two values `step` away along an axis, [B, H, W].

    padded: a field with margins, see `_with_margins`.
    """
    size = tf.shape(padded)
    size -= tf.one_hot(axis, 3, size[axis] // 3 * 2, 0)
    before, after = (tf.one_hot(axis, 3, size[axis] + move, 0) for move in (-step, step))
    return tf.minimum(tf.slice(padded, before, size), tf.slice(padded, after, size))
