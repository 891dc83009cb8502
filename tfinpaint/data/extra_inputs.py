"""Inputs of a training step, besides images and holes, that the pipeline computes on the host.

A system names the functions that it needs in its specification (`extra_inputs`). Its training step
receives their results by name.
"""

import tensorflow as tf

from tfinpaint.addons import euclidean_dist_transform


def distances(images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
    """Euclidean distance of each missing pixel to the nearest known one, in pixels.

    Args:
        images: [B, H, W, 3], not used.
        holes: [B, H, W, 1], 1 = hole.

    Returns:
        float32 [B, H, W, 1], 0 where known.
    """
    del images
    return distances_to_known(holes)


def distances_to_known(holes: tf.Tensor) -> tf.Tensor:
    """Euclidean distance of each missing pixel to the nearest known one, in pixels, 0 where known.

    float32 [B, H, W, 1] -> float32 [B, H, W, 1]. In a picture without a known pixel it is H + W. It
    uses TensorFlow Addons, whose operation runs on the host only; `losses.distance_to_known` gives
    the same on any device.
    """
    height, width = holes.shape[1:3]
    found = euclidean_dist_transform(tf.cast(holes > 0, tf.uint8), dtype=tf.float32)
    return tf.minimum(found, float(height + width))  # Addons gives 1e19 where nothing is known
