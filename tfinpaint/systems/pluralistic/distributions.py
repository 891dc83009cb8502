"""Normal distributions of the latent, each a pair (mean, deviation), and how far apart two are.

Source: Zheng et al., Pluralistic Image Completion, CVPR 2019, sections 3.1 and 3.2, and the
released code for the numbers.
"""

from typing import Tuple

import tensorflow as tf

Normal = Tuple[tf.Tensor, tf.Tensor]  # mean and standard deviation

# The deviation of the latent when nothing is missing is near 0, and near 1 when all is.
_STEEPNESS, _MIDDLE = 8.0, 0.8 + 1e-5


def divergence(first: Normal, second: Normal) -> tf.Tensor:
    """KL(first || second), the mean over all elements, a scalar.

    ln(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2 for each element. Shapes may broadcast; the
    mean is over those of the result.
    """
    (m1, s1), (m2, s2) = first, second
    squares = (tf.square(s1) + tf.square(m1 - m2)) / (2 * tf.square(s2))
    return tf.reduce_mean(tf.math.log(s2) - tf.math.log(s1) + squares - 0.5)


def deviation_of_known(holes: tf.Tensor) -> tf.Tensor:
    """What the deviation of the latent is to be: [B, H, W, 1] -> [B, 1, 1, 1].

    It is 1 / (1 + exp(8 (r - 0.80001))) for a share r of known pixels: the more of a picture is
    known, the less is open.
    """
    share = tf.reduce_mean(1 - holes, [1, 2, 3], keepdims=True)
    return tf.sigmoid(_STEEPNESS * (_MIDDLE - share))
