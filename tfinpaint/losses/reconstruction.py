"""Differences between output and original in a region.

masked_l1   Equations (20) and (21) of the multistage attention paper (2020). The paper prints sums;
            its weights belong to means over the whole tensor (region or not), which the released
            code takes.
region_l1   The mean over the region alone. DeepFill v1 (Yu et al., Generative Image Inpainting with
            Contextual Attention, CVPR 2018) takes it in the hole, discounted (see discount.py),
            and, as L1 outside the hole over the share of known pixels, where the picture is known.
region_rms  The root of the mean square over the region alone. Its best answer to what cannot be
            known is the mean of what may be there, where that of L1 is the median.
region_log_rms  Its logarithm: up to a factor the PSNR in the hole, whose mean tables print. A tenth
            less error counts the same in every picture, in a plain sky as in a lawn, where the root
            alone would learn from the lawn almost only.
"""

import tensorflow as tf


def masked_l1(output, original, region):
    """Mean of |output - original| * region over all elements, a scalar.

    Args:
        output, original: [B, H, W, C].
        region: [B, H, W, 1], 1 where the difference counts. The mean is over the whole picture, not
            over the region.
    """
    return tf.reduce_mean(tf.abs(output - original) * region)


def region_l1(output, original, region, weight=None):
    """Mean of |output - original| * weight over the region's elements, picture by picture, averaged
    over the batch, a scalar.

    Args:
        output, original: [B, H, W, C].
        region: [B, H, W, 1] of 0 and 1, 1 where the difference counts. A picture without region
            counts 0.
        weight: [B, H, W, 1], or None for 1 everywhere. The mean is not divided by it.
    """
    counted = region if weight is None else region * weight
    total = tf.reduce_sum(tf.abs(output - original) * counted, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(region, [1, 2, 3]) * output.shape[-1]  # [B]
    return tf.reduce_mean(total / tf.maximum(elements, 1))


def region_rms(output, original, region):
    """Root of the mean of (output - original)^2 over the region's elements, picture by picture,
    averaged over the batch, a scalar.

    Args: as of region_l1. A picture without region counts 0 (1e-6), with a gradient of 0.
    """
    return tf.reduce_mean(_rms(output, original, region))


def region_log_rms(output, original, region, floor=0.01):
    """log(1 + rms / floor), picture by picture, averaged over the batch, a scalar; rms as
    region_rms says.

    Args: as of region_l1. An error well below `floor`, on the scale of the pictures, counts as in
        region_rms; one well above it by how many times too large it is. A picture without region
        counts 0.
    """
    return tf.reduce_mean(tf.math.log1p(_rms(output, original, region) / floor))


def _rms(output, original, region):
    """[B]; 1e-6 with a gradient of 0 where nothing differs."""
    total = tf.reduce_sum(tf.math.squared_difference(output, original) * region, [1, 2, 3])  # [B]
    elements = tf.reduce_sum(region, [1, 2, 3]) * output.shape[-1]  # [B]
    return tf.sqrt(tf.maximum(total / tf.maximum(elements, 1), 1e-12))
