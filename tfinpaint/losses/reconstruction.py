"""Differences between output and original in a region.

masked_l1       L1 in a region, averaged over the whole tensor: equations (20) and (21) of the
                multistage attention paper (2020). The paper prints sums. Its loss weights belong to
                means over the whole tensor, which the released code takes.
region_l1       L1 averaged over the region alone. DeepFill v1 (Yu et al., Generative Image
                Inpainting with Contextual Attention, CVPR 2018) takes it in the hole, discounted
                (see discount.py), and in the known part.
region_log_rms  The logarithm of the root mean square error in the region. Up to a factor this is
                the PSNR in the hole, the mean of which the evaluation reports. A tenth less error
                counts the same in every picture, be it a plain sky or a detailed lawn. The root
                mean square itself would make a network learn almost only from detailed pictures.
                Where the content cannot be known, the mean of what may be there minimises squared
                errors; the median minimises L1.
"""

from typing import Optional

import tensorflow as tf


def masked_l1(output: tf.Tensor, original: tf.Tensor, region: tf.Tensor) -> tf.Tensor:
    """Mean of |output - original| * region over all elements, a scalar.

    Args:
        output, original: [B, H, W, C].
        region: [B, H, W, 1], 1 where the difference counts.
    """
    return tf.reduce_mean(tf.abs(output - original) * region)


def region_l1(
    output: tf.Tensor, original: tf.Tensor, region: tf.Tensor, weight: Optional[tf.Tensor] = None
) -> tf.Tensor:
    """Mean of |output - original| * weight over the region's elements, a scalar.

    The mean is taken for each picture, then averaged over the batch.

    Args:
        output, original: [B, H, W, C].
        region: [B, H, W, 1] of 0 and 1, 1 where the difference counts. A picture with an empty
            region counts as 0.
        weight: [B, H, W, 1], or None for 1 everywhere. The sum is divided by the number of
            elements, not by their weights.
    """
    counted = region if weight is None else region * weight
    total = tf.reduce_sum(tf.abs(output - original) * counted, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(region, [1, 2, 3]) * output.shape[-1]  # [B]
    return tf.reduce_mean(total / tf.maximum(elements, 1))


def region_log_rms(
    output: tf.Tensor, original: tf.Tensor, region: tf.Tensor, floor: float = 0.01
) -> tf.Tensor:
    """log(1 + rms / floor) of each picture, averaged over the batch, a scalar.

    rms is the root of the mean of (output - original)^2 over the region's elements.

    Args:
        output, original, region: as for region_l1. A picture with an empty region counts as
            log(1 + 1e-6 / floor), which is almost 0.
        floor: in the units of the pictures. The loss is linear in errors well below it, and
            logarithmic in errors well above it.
    """
    return tf.reduce_mean(tf.math.log1p(_rms(output, original, region) / floor))


def _rms(output, original, region):
    """The root mean square [B]; 1e-6 with a gradient of 0 for a picture without a difference."""
    total = tf.reduce_sum(tf.math.squared_difference(output, original) * region, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(region, [1, 2, 3]) * output.shape[-1]  # [B]
    return tf.sqrt(tf.maximum(total / tf.maximum(elements, 1), 1e-12))
