"""Consistency loss: the features of a network should be like a fixed network's of the original.

Source: equation (4) of the coherent semantic attention paper (2019). It prints a sum over the hole.
Here it is a mean over the hole's elements, to which its weight of 0.01 is taken to belong. The
equation has two lines, one for the features after the attention and one for the decoder's features
at the same place. `consistency` computes one line.

How the variants differ
              paper                       official
    where     in the hole                 everywhere: the features are blanked outside the hole and
                                          compared with the whole target, so the known part adds a
                                          constant
    mean      over the hole's elements    over all elements
"""

import tensorflow as tf


def consistency(
    features: tf.Tensor, target: tf.Tensor, hole: tf.Tensor, variant: str = "paper"
) -> tf.Tensor:
    """Mean squared difference, averaged over the batch, a scalar.

    In `paper` a picture without a hole counts as 0.

    Args:
        features: [B, h, w, C].
        target: [B, h, w, C], the fixed network's features of the original. It takes no gradient.
        hole: [B, h, w, 1] at the features' size, 1 where missing.
        variant: "paper" or "official".

    Raises: ValueError for another variant.
    """
    if variant not in ("paper", "official"):
        raise ValueError(f"`variant` is paper or official. Got {variant!r}")
    target = tf.stop_gradient(target)
    if variant == "official":
        return tf.reduce_mean(tf.square(features * hole - target))
    squares = tf.reduce_sum(tf.square(features - target) * hole, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(hole, [1, 2, 3]) * features.shape[-1]  # [B]
    return tf.reduce_mean(squares / tf.maximum(elements, 1))
