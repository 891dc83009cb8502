"""Total variation: equation (19) of the multistage attention paper (2020), for the hole."""

from typing import Optional

import tensorflow as tf


def total_variation(images: tf.Tensor, hole: Optional[tf.Tensor] = None) -> tf.Tensor:
    """Mean |difference| of horizontal neighbours plus that of vertical neighbours, a scalar.

    Args:
        images: [B, H, W, C].
        hole: [B, H, W, 1], 1 where missing. If given, only pairs with at least one missing pixel
            count, so the edge of the hole does and the known picture does not. The means are still
            over all pairs.
    """
    down = tf.abs(images[:, 1:] - images[:, :-1])  # [B, H - 1, W, C]
    right = tf.abs(images[:, :, 1:] - images[:, :, :-1])  # [B, H, W - 1, C]
    if hole is not None:
        down *= tf.maximum(hole[:, 1:], hole[:, :-1])
        right *= tf.maximum(hole[:, :, 1:], hole[:, :, :-1])
    return tf.reduce_mean(down) + tf.reduce_mean(right)
