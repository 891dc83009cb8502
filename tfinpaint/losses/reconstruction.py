"""Differences between output and original in a region.

masked_l1       Equations (20) and (21) of the multistage attention paper (2020). The paper prints
                sums. Its weights belong to means over the whole tensor (region or not), which the
                released code takes.
region_l1       The mean over the region alone. DeepFill v1 (Yu et al., Generative Image Inpainting
                with Contextual Attention, CVPR 2018) takes it in the hole, discounted (see
                discount.py), and where the picture is known, as L1 outside the hole over the share
                of known pixels.
region_log_rms  The logarithm of the root mean square over the region alone: up to a factor the PSNR
                in the hole, whose mean the tables print. A tenth less error counts the same in
                every picture, be it a plain sky or a lawn. With the root alone, a network would
                learn almost only from the lawn. The best answer to what cannot be known is the mean
                of what may be there; that of L1 is the median.
"""

from typing import Optional

import tensorflow as tf


def masked_l1(output: tf.Tensor, original: tf.Tensor, region: tf.Tensor) -> tf.Tensor:
    """Mean of |output - original| * region over all elements, a scalar.

    Args:
        output, original: [B, H, W, C].
        region: [B, H, W, 1], 1 where the difference counts. The mean is over the whole picture, not
            over the region.
    """
    return tf.reduce_mean(tf.abs(output - original) * region)


def region_l1(
    output: tf.Tensor, original: tf.Tensor, region: tf.Tensor, weight: Optional[tf.Tensor] = None
) -> tf.Tensor:
    """Mean of |output - original| * weight over the region's elements, a scalar.

    The mean is taken for each picture, then averaged over the batch.

    Args:
        output, original: [B, H, W, C].
        region: [B, H, W, 1] of 0 and 1, 1 where the difference counts. A picture without a region
            counts as 0.
        weight: [B, H, W, 1], or None for 1 everywhere. The mean is not divided by it.
    """
    counted = region if weight is None else region * weight
    total = tf.reduce_sum(tf.abs(output - original) * counted, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(region, [1, 2, 3]) * output.shape[-1]  # [B]
    return tf.reduce_mean(total / tf.maximum(elements, 1))


def region_log_rms(
    output: tf.Tensor, original: tf.Tensor, region: tf.Tensor, floor: float = 0.01
) -> tf.Tensor:
    """log(1 + rms / floor) of each picture, averaged over the batch, a scalar.

    rms: the root of the mean of (output - original)^2 over the region's elements.

    Args: as for region_l1. An error well below `floor`, on the scale of the pictures, counts as it
        is; one well above it counts by its ratio to `floor`. A picture without a region counts as
        0.
    """
    return tf.reduce_mean(tf.math.log1p(_rms(output, original, region) / floor))


def _rms(output, original, region):
    """[B]; 1e-6 with a gradient of 0 where nothing differs."""
    total = tf.reduce_sum(tf.math.squared_difference(output, original) * region, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(region, [1, 2, 3]) * output.shape[-1]  # [B]
    return tf.sqrt(tf.maximum(total / tf.maximum(elements, 1), 1e-12))
