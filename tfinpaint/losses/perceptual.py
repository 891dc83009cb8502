"""Perceptual and style terms on the features of a fixed network.

Source: equations (13)-(15) of the multistage attention paper (2020). (15) divides its Gram matrices
by H W C and its sum by C^2: the mean absolute difference of Gram matrices over H W C.
"""

from typing import Callable, Dict, List

import tensorflow as tf


def perceptual(features: List[tf.Tensor], targets: List[tf.Tensor]) -> tf.Tensor:
    """Sum over layers of the mean absolute difference, a scalar.

    Args: two lists of maps [B, H, W, C].
    """
    return tf.add_n([tf.reduce_mean(tf.abs(f - t)) for f, t in zip(features, targets, strict=True)])


def style(features: List[tf.Tensor], targets: List[tf.Tensor]) -> tf.Tensor:
    """Sum over layers of the mean absolute difference of Gram matrices, a scalar.

    Args: two lists of maps [B, H, W, C].
    """
    return tf.add_n(
        [tf.reduce_mean(tf.abs(gram(f) - gram(t))) for f, t in zip(features, targets, strict=True)]
    )


def perceptual_and_style(
    network: Callable[[tf.Tensor], List[tf.Tensor]],
    judged: List[tf.Tensor],
    targets: List[tf.Tensor],
) -> Dict[str, tf.Tensor]:
    """{"perceptual", "style"}: both terms of several batches against the same targets, added up.

    The network sees all batches in one call.

    Args:
        network: images [B, H, W, 3] -> list of maps.
        judged: list of batches of images.
        targets: list of maps.
    """
    # A list for each layer, of one map for each batch.
    features = [tf.split(f, len(judged)) for f in network(tf.concat(judged, 0))]
    sets = [[f[k] for f in features] for k in range(len(judged))]
    return {
        "perceptual": tf.add_n([perceptual(f, targets) for f in sets]),
        "style": tf.add_n([style(f, targets) for f in sets]),
    }


def gram(features: tf.Tensor) -> tf.Tensor:
    """Products of all pairs of channels, summed over positions and divided by H W C.

    [B, H, W, C] -> [B, C, C].
    """
    size = tf.shape(features)
    channels = features.shape[-1]
    flat = tf.reshape(features, [size[0], size[1] * size[2], channels])  # [B, H W, C]
    elements = tf.cast(size[1] * size[2] * channels, features.dtype)
    return tf.matmul(flat, flat, transpose_a=True) / elements
