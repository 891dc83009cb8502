"""Builds the hole's pixels from the matched patches.

Reference: Wexler et al., Space-time completion of video, 2007.
"""

import tensorflow as tf

from tfinpaint.painting.detail import levels
from tfinpaint.painting.detail.levels import CHANNELS, SIZE, Level


def voted(level: Level, estimate: tf.Tensor, matches: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The estimate, with its part taken from the matched patches: float32 [1, h, w, 5].

    Each missing pixel is the weighted mean of the 49 patches that cover it.

    estimate: float32 [1, h, w, 5].   matches: int32 [n], the source of each target.
    weights: [n], how much each match counts, a number or bool.
    """
    pixels = tf.cast(tf.where(tf.reshape(level.part, [-1])), tf.int32)  # [m, 1]
    sure = tf.gather(tf.reshape(level.sure, [-1]), level.targets)
    places, weights = (
        levels.dense(level, matches, 0),
        levels.dense(level, tf.cast(weights, tf.float32) * sure, 0.0),
    )
    colours, flat = tf.reshape(level.picture, [-1, CHANNELS]), tf.reshape(estimate, [-1, CHANNELS])
    offsets, last = levels.offsets(level), tf.size(places) - 1

    def vote(k, total, weight):
        offset = tf.gather(offsets, k)
        # Beyond the border, or wrapped into the next row, there is no target: the weight is 0.
        middle = tf.clip_by_value(pixels - offset, 0, last)
        here = tf.gather(weights, middle)  # [m, 1]
        # [m, 5]
        there = tf.gather_nd(colours, tf.clip_by_value(tf.gather(places, middle) + offset, 0, last))
        return k + 1, total + here * there, weight + here

    before = tf.gather_nd(flat, pixels)  # [m, 5]
    state = [0, tf.zeros_like(before), tf.zeros_like(pixels, tf.float32)]
    _, total, weight = tf.while_loop(lambda k, *_: k < SIZE**2, vote, state, parallel_iterations=1)
    mean = tf.where(weight > 0, total / tf.maximum(weight, 1e-20), before)
    return tf.reshape(tf.tensor_scatter_nd_update(flat, pixels, mean), tf.shape(estimate))


def with_lows(level: Level, estimate: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
    """The estimate with the low frequencies of the guide, inside the part: float32 [1, h, w, 5].

    estimate: float32 [1, h, w, 5].
    above: int32 [], the number of levels above (coarser than) this one. From the third level on,
        the frequencies are those of the second, because the guide has no finer ones.
    """
    difference = tf.where(level.part, level.picture - estimate, 0.0)
    small = level.size // 2 ** tf.maximum(above - 1, 0)
    return tf.where(level.part, estimate + levels.lows(difference, small), estimate)
