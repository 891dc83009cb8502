"""Windows of a batch of pictures, at another place in each picture."""

from typing import Any

import tensorflow as tf


def cut(images: tf.Tensor, corners: tf.Tensor, height: Any, width: Any) -> tf.Tensor:
    """Crops a window from each picture. All shapes are fixed, so that XLA can compile it.

    Args:
        images: [B, H, W, C].
        corners: int32 [B, 2], the row and the column of each window's top left pixel.
        height, width: of the windows in pixels.

    Returns:
        [B, height, width, C].
    """
    # Not corners[:, 0, tf.newaxis]: if corners come from tf.stack, the graph optimizer drops the
    # axis.
    for axis, (first, side) in enumerate(zip(tf.unstack(corners, axis=1), (height, width)), 1):
        places = tf.expand_dims(first, 1) + tf.range(side)  # [B, side]
        images = tf.gather(images, places, axis=axis, batch_dims=1)
    return images
