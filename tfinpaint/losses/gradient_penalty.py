"""Gradient penalty of a Wasserstein critic, in the hole only.

Source: equation (3) of the review in the contextual attention paper (CVPR 2018). It multiplies the
gradient by 1 - m, with m = 0 where pixels are missing. The released code multiplies it by m = 1
there, before the norm.
"""

from typing import Callable

import tensorflow as tf

# The least squared slope: sqrt has no gradient at 0. Below it the penalty is 1 with gradient 0.
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
    pixels. It is taken at a picture between the real and the fake one. A picture without a hole
    has slope 0: it adds 1 / B and no gradient.

    Args:
        critic: any function from images [B, H, W, C] to scores [B, ...]. The scores of a picture
            are summed.
        real, fake: [B, H, W, C].
        hole: [B, H, W, 1], 1 where missing.
        mix: [B, 1, 1, 1], random in [0, 1]: 0 is the real picture, 1 the fake one.
    """
    real, fake, hole, mix = (tf.cast(x, tf.float32) for x in (real, fake, hole, mix))
    between = real + mix * (fake - real)  # [B, H, W, C]
    with tf.GradientTape() as tape:
        tape.watch(between)
        score = tf.reduce_sum(tf.cast(critic(between), tf.float32))
    # Each score depends on its own picture only, so the sum over the batch keeps them apart.
    gradient = tape.gradient(score, between) * hole  # [B, H, W, C]
    slope = tf.sqrt(tf.maximum(tf.reduce_sum(tf.square(gradient), [1, 2, 3]), _FLOOR))  # [B]
    return tf.reduce_mean(tf.square(slope - 1))
