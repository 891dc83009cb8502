"""The scores and the pasting of contextual attention, computed without making patches.

The results are those of `scores_by_patches` and `paste_by_patches` of contextual_attention.py, with
fewer multiplications. The inner product of two patches is the sum of the products of their pixels,
with query and key shifted together. When patches are pasted, a cell is multiplied by the sum of the
weights of all patches that contain it. Both sums are separable: they run along one axis of the map
and then along the other (shifts.py).

There are n = h * w positions. Axes are ordered so that rows of the queries stand beside rows of the
keys, or columns beside columns: each sum is then one pass over the scores.
"""

import tensorflow as tf

from tfinpaint.layers.patches import one_over_norm
from tfinpaint.layers.shapes import flat, shape
from tfinpaint.layers.shifts import diagonal_sum


def scores(features: tf.Tensor, patch_size: int) -> tf.Tensor:
    """The scores of all pairs of query and key: [B, h, w, C] -> [B, n, n]."""
    b, h, w, _ = shape(features)
    columns = tf.transpose(features, [0, 2, 1, 3])  # [B, w, h, C]
    sums = tf.matmul(flat(columns), flat(features), transpose_b=True)  # [B, w h, h w]
    sums = diagonal_sum(tf.reshape(sums, [b * w, h, h, w]), patch_size)
    sums = tf.transpose(tf.reshape(sums, [b, w, h, h, w]), [0, 2, 1, 4, 3])  # [B, h, w, w, h]
    sums = diagonal_sum(tf.reshape(sums, [b * h, w, w, h]), patch_size)
    sums = tf.transpose(tf.reshape(sums, [b, h * w, w, h]), [0, 1, 3, 2])  # [B, n, h, w]
    sums = tf.reshape(sums, [b, h * w, h * w])
    return sums * tf.reshape(one_over_norm(features, patch_size), [b, 1, h * w])


def paste(weights: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """The sum of the weighted patches of 2 x 2 cells at their places.

    Cell z is copied to y with the sum over d of weights(y - d, z - d), the weights of all patches
    that copy it there.

    weights [B, n, n], cells [B, h + 1, w + 1, D] -> [B, h + 1, w + 1, D].
    """
    b, rows, columns, depth = shape(cells)
    h, w = rows - 1, columns - 1
    sums = tf.transpose(tf.reshape(weights, [b, h, w, h, w]), [0, 2, 1, 3, 4])
    sums = diagonal_sum(tf.reshape(sums, [b * w, h, h, w]), 2, full=True)  # [B w, rows, rows, w]
    sums = tf.transpose(tf.reshape(sums, [b, w, rows, rows, w]), [0, 2, 1, 4, 3])
    sums = diagonal_sum(tf.reshape(sums, [b * rows, w, w, rows]), 2, full=True)
    sums = tf.reshape(sums, [b, rows * columns, columns * rows])  # y by rows, z by columns
    by_columns = tf.reshape(tf.transpose(cells, [0, 2, 1, 3]), [b, columns * rows, depth])
    return tf.reshape(tf.matmul(sums, by_columns), [b, rows, columns, depth])
