"""What the input pipeline can make for a step beside images and holes, on the host.

A system names the functions that it needs in its specification (`extra_inputs`); its step gets what
they return by name.
"""

import tensorflow as tf

from tfinpaint.addons import euclidean_dist_transform


def distances(images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
    """Euclidean distance of each missing pixel to the nearest known one, in pixels: images
    [B, H, W, 3] and holes [B, H, W, 1] -> float32 [B, H, W, 1], 0 where known.
    """
    del images
    return distances_to_known(holes)


def distances_to_known(holes: tf.Tensor) -> tf.Tensor:
    """Euclidean distance of each missing pixel to the nearest known one, 0 where known:
    [B, H, W, 1] float32 -> the same.

    By TensorFlow Addons, whose operation runs on the host only; `losses.distance_to_known` gives
    the same on any device.
    """
    height, width = holes.shape[1:3]
    found = euclidean_dist_transform(tf.cast(holes > 0, tf.uint8), dtype=tf.float32)
    return tf.minimum(found, float(height + width))  # Addons gives 1e19 where nothing is known
