"""L1 between output and original in a region: equations (20) and (21) of the multistage attention paper (2020).

The paper prints sums; its weights belong to means over the whole tensor (region or not), which the released code takes.
"""

import tensorflow as tf


def masked_l1(output, original, region):
    """Mean of |output - original| * region over all elements, a scalar.

    Args:
        output, original: [B, H, W, C].
        region: [B, H, W, 1], 1 where the difference counts. The mean is over the whole picture, not over the region.
    """
    return tf.reduce_mean(tf.abs(output - original) * region)
