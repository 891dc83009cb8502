"""Spatial discount: the further a missing pixel is from the known pixels, the less it counts.

Source: Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018 (DeepFill v1):
the weight of a pixel is gamma^distance. For a box of h x w pixels, the released code takes the
larger of gamma^min(i, h - i) and gamma^min(j, w - j). Row i and column j are counted from 0 at the
top left corner of the box, so the first row has gamma^0 and the last one gamma^1. The released code
has no rule for holes of other shapes. Here they use the Euclidean distance.
"""

from typing import Optional

import tensorflow as tf


def spatial_discount(
    hole: tf.Tensor, gamma: float, distance: Optional[tf.Tensor] = None
) -> tf.Tensor:
    """Weights of the missing pixels, float32 [B, H, W, 1], 0 outside the hole. No gradient.

    A picture whose hole is one filled rectangle gets the box formula above, every other picture
    gamma^distance.

    Args:
        hole: [B, H, W, 1] of 0 and 1, 1 where missing.
        gamma: number in (0, 1] (paper: 0.99, released: 0.9).
        distance: [B, H, W, 1], the distance in pixels from missing pixels to the nearest known one,
            if it has been computed already. If None, it is computed here, and only if a hole of the
            batch is not a box.
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
    """The box formula along one axis: gamma^min(i, n - i) [B, N], and the length n [B]. float32.

    n is the length of the bounding box along the axis. Outside the box the first result is
    arbitrary.

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
    # It is negative outside the box, where gamma^inward could overflow.
    inward = tf.minimum(place - first, first + length - place)  # [B, N]
    return gamma ** tf.cast(tf.maximum(inward, 0), tf.float32), tf.cast(length[:, 0], tf.float32)


def distance_to_known(hole: tf.Tensor) -> tf.Tensor:
    """The distance from each missing pixel to the nearest known one: float32 [B, H, W, 1].

    The distance is Euclidean, in pixels. It is 0 where the picture is known, and H + W everywhere
    in a picture without known pixels. It has no gradient. Squared distances are exact, as float32
    holds these whole numbers exactly for sides of up to 2048 pixels. It compiles with
    `jit_compile=True`.

    Args:
        hole: [B, H, W, 1], above 0 where missing.
    """
    missing = tf.cast(hole > 0, tf.float32)[..., 0]  # [B, H, W]; a comparison has no gradient
    height, width = tf.shape(missing)[1], tf.shape(missing)[2]
    far = tf.cast(height + width, tf.float32)
    unknown = tf.TensorShape([None, None, None])

    # 1. The distance along the column. The steps are 1, 2, 4, ...: every distance up to the height
    # is a sum of some of them.
    def down(step, column):
        nearer = _neighbours(_with_margins(column, 1, far), step, 1)
        return 2 * step, tf.minimum(column, nearer + tf.cast(step, tf.float32))

    column = tf.while_loop(
        lambda step, column: step < height, down, (1, far * missing), (tf.TensorShape([]), unknown)
    )[1]

    # 2. Along rows: the squared distances along both axes are added. Steps longer than the largest
    # distance found so far cannot help.
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
    """Pads [B, H, W] with `value` on both sides along an axis, by the size of that axis."""
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
