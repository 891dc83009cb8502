"""Sums of scores over joint shifts of query and key along one axis of the map.

    s'(x, k) = sum over d of s(x + d, k + d), 0 beyond the border

Two functions compute it, for two layouts of the scores. Equation (8) of the multistage attention
paper is such a sum, along rows and then along columns. So is the product of two patches, the sum of
the products of their pixels.
"""

import functools
import operator
from typing import Tuple

import tensorflow as tf

from tfinpaint.layers.custom_gradient import custom_gradient
from tfinpaint.layers.shapes import shape


def sum_of_shifts(scores: tf.Tensor, axes: Tuple[int, int], taps: int) -> tf.Tensor:
    """The sum for scores in which `axes` are x and k, with d from -(taps // 2) to taps // 2.

    It is made of slices, which run everywhere. Scores of any shape -> the same shape.
    """
    size, reach = shape(scores), taps // 2
    padding = [[reach, reach] if axis in axes else [0, 0] for axis in range(len(size))]
    padded = tf.pad(scores, padding)
    starts = [[d if axis in axes else 0 for axis in range(len(size))] for d in range(taps)]
    shifted = [tf.slice(padded, start, size) for start in starts]
    return functools.reduce(operator.add, shifted)  # AddN is slow in TFLite


def diagonal_sum(scores: tf.Tensor, taps: int, full: bool = False) -> tf.Tensor:
    """The sum for scores in which x and k are adjacent axes: [B, X, K, M] -> [B, X, K, M].

    It is a depthwise convolution with a diagonal kernel: one pass over the scores instead of a
    slice for each d. It is faster than slices on CPUs only.

    d goes from -(taps // 2) to taps // 2. If `full`, it goes from -(taps - 1) to 0, and the sums at
    all places with a term are returned: [B, X + taps - 1, K + taps - 1, M].
    """
    if taps == 1:
        return scores

    @custom_gradient
    def run(scores):
        if not full:
            return _slide(scores, taps, "SAME"), lambda upstream: diagonal_sum(upstream, taps)
        around = [taps - 1, taps - 1]
        padded = tf.pad(scores, [[0, 0], around, around, [0, 0]])
        return _slide(padded, taps, "VALID"), lambda upstream: _slide(upstream, taps, "VALID")

    return run(scores)


def _slide(scores, taps, padding):
    diagonal = tf.eye(taps, dtype=scores.dtype)[:, :, tf.newaxis, tf.newaxis]  # [taps, taps, 1, 1]
    kernel = tf.tile(diagonal, [1, 1, shape(scores)[3], 1])  # [taps, taps, M, 1]
    return tf.nn.depthwise_conv2d(scores, kernel, [1, 1, 1, 1], padding)
