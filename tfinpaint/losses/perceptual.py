"""Perceptual and style terms on the features of a fixed network.

Source: equations (13)-(15) of the multistage attention paper (2020). (15) divides Gram matrices by
H W C and their summed absolute difference by C^2. So it is the mean absolute difference of Gram
matrices that are divided by H W C.
"""

from typing import Callable, Dict, List

import tensorflow as tf


def perceptual(features: List[tf.Tensor], targets: List[tf.Tensor]) -> tf.Tensor:
    """Sum over layers of the mean absolute difference, a scalar.

    Args: two lists of maps [B, H, W, C], one for each layer. Raises: ValueError if their lengths
        differ.
    """
    return tf.add_n([tf.reduce_mean(tf.abs(f - t)) for f, t in zip(features, targets, strict=True)])


def style(features: List[tf.Tensor], targets: List[tf.Tensor]) -> tf.Tensor:
    """Sum over layers of the mean absolute difference of Gram matrices, a scalar.

    Args: two lists of maps [B, H, W, C], one for each layer. Raises: ValueError if their lengths
        differ.
    """
    return tf.add_n(
        [tf.reduce_mean(tf.abs(gram(f) - gram(t))) for f, t in zip(features, targets, strict=True)]
    )


def perceptual_and_style(
    network: Callable[[tf.Tensor], List[tf.Tensor]],
    judged: List[tf.Tensor],
    targets: List[tf.Tensor],
) -> Dict[str, tf.Tensor]:
    """Both terms, {"perceptual": scalar, "style": scalar}, summed over several batches of images.

    All batches are compared with the same targets. The network sees them in one call.

    Args:
        network: images [N, H, W, 3] -> list of maps [N, h, w, C].
        judged: list of batches of images [B, H, W, 3].
        targets: list of maps [B, h, w, C], the network's for the original.
    """
    # For each layer a list of maps, one for each batch.
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
