"""Consistency of a network's features with those of the original: equation (4) of the coherent
semantic attention paper (2019).

The equation prints a sum over the hole; its weight .01 is taken for a mean over the hole's
elements. The two lines of the equation, after the attention and at the mirrored decoder layer, are
two calls. What the variants settle

              paper                           official
    where     in the hole                     everywhere: features blanked outside the hole against the whole target, which adds a
                                              constant for what is known
    mean      over the hole's elements        over all elements
"""

import tensorflow as tf


def consistency(features, target, hole, variant="paper"):
    """Mean squared difference, averaged over the batch, a scalar. In `paper` a picture without hole
    counts 0.

    Args:
        features: [B, h, w, C].
        target: [B, h, w, C], the fixed network's features of the original. It takes no gradient.
        hole: [B, h, w, 1] at the features' size, 1 where missing.
        variant: "paper" or "official".
    """
    if variant not in ("paper", "official"):
        raise ValueError(f"`variant` is paper or official. Got {variant!r}")
    target = tf.stop_gradient(target)
    if variant == "official":
        return tf.reduce_mean(tf.square(features * hole - target))
    squares = tf.reduce_sum(tf.square(features - target) * hole, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(hole, [1, 2, 3]) * features.shape[-1]  # [B]
    return tf.reduce_mean(squares / tf.maximum(elements, 1))
