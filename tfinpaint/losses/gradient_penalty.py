"""Gradient penalty of a Wasserstein critic, in the hole only.

Source: equation (3) of the contextual attention paper (CVPR 2018), in its review of Wasserstein
GANs. It multiplies the gradient by 1 - m, with m = 0 where pixels are missing. The released code
multiplies it by a mask that is 1 there, before taking the norm. Both restrict it to the hole.
"""

from typing import Callable

import tensorflow as tf

# The smallest squared slope, as the gradient of sqrt is infinite at 0. Below it the penalty is 1
# and has no gradient.
_FLOOR = 1e-20


def gradient_penalty(
    critic: Callable[[tf.Tensor], tf.Tensor],
    real: tf.Tensor,
    fake: tf.Tensor,
    hole: tf.Tensor,
    mix: tf.Tensor,
) -> tf.Tensor:
    """Mean over pictures of (slope - 1)^2, a scalar, before its weight (lambda = 10 in the paper).

    The slope of a picture is the norm of the gradient of its score with respect to the hole's
    pixels. It is computed at a mixture of the real and the fake picture. A picture without a hole
    has slope 0: it adds 1 / B to the penalty, and no gradient.

    Args:
        critic: any function from images [B, H, W, C] to scores [B, ...]. The scores of a picture
            are summed.
        real, fake: [B, H, W, C].
        hole: [B, H, W, 1], 1 where missing.
        mix: [B, 1, 1, 1], random share of the fake picture in the mixture, in [0, 1].
    """
    real, fake, hole, mix = (tf.cast(x, tf.float32) for x in (real, fake, hole, mix))
    between = real + mix * (fake - real)  # [B, H, W, C]
    with tf.GradientTape() as tape:
        tape.watch(between)
        score = tf.reduce_sum(tf.cast(critic(between), tf.float32))
    # Each score depends on its own picture only, so the gradient of the sum has that of each score.
    gradient = tape.gradient(score, between) * hole  # [B, H, W, C]
    slope = tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(gradient), [1, 2, 3]), _FLOOR))  # [B]
    return tf.reduce_mean(tf.square(slope - 1))
