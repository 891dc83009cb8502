"""Sums of scores of neighbouring positions, s'(x, k) = sum over d of s(x + d, k + d), along one axis of the map of queries and keys.

With an axis of the queries beside the same axis of the keys, such a sum is a depthwise convolution with a diagonal kernel: one
pass over the scores in place of a slice for each d and their sum.
"""

import tensorflow as tf

from tfinpaint.layers.custom_gradient import custom_gradient
from tfinpaint.layers.patches import shape


def diagonal_sum(scores, taps, full=False):
    """[B, L, L', M] -> the same, d from -(taps // 2) to taps // 2; 0 beyond the ends.

    With `full`, d goes from -(taps - 1) to 0 and all places that a sum reaches are there: [B, L + taps - 1, L' + taps - 1, M].
    """
    if taps == 1:
        return scores

    @custom_gradient
    def run(scores):
        if full:
            around = [taps - 1, taps - 1]
            return _slide(tf.pad(scores, [[0, 0], around, around, [0, 0]]), taps, "VALID"), lambda upstream: _slide(upstream, taps, "VALID")
        return _slide(scores, taps, "SAME"), lambda upstream: diagonal_sum(upstream, taps)

    return run(scores)


def _slide(scores, taps, padding):
    diagonal = tf.eye(taps, dtype=scores.dtype)[:, :, tf.newaxis, tf.newaxis]  # [taps, taps, 1, 1]
    return tf.nn.depthwise_conv2d(scores, tf.tile(diagonal, [1, 1, shape(scores)[3], 1]), [1, 1, 1, 1], padding)
