"""Normal distributions of the latent, each a pair (mean, standard deviation), and their divergence.

Source: Zheng et al., Pluralistic Image Completion, CVPR 2019, sections 3.1 and 3.2; the constants
are those of the released code.
"""

from typing import Tuple

import tensorflow as tf

Normal = Tuple[tf.Tensor, tf.Tensor]  # mean and standard deviation

# Of the sigmoid that gives the latent's deviation for a share of known pixels.
_STEEPNESS, _MIDDLE = 8.0, 0.8 + 1e-5


def divergence(first: Normal, second: Normal) -> tf.Tensor:
    """The divergence KL(first || second), averaged over all elements, a scalar.

    It is ln(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1/2 for each element. Shapes are
    broadcast, and the mean is over the broadcast shape.
    """
    (m1, s1), (m2, s2) = first, second
    squares = (tf.square(s1) + tf.square(m1 - m2)) / (2 * tf.square(s2))
    return tf.reduce_mean(tf.math.log(s2) - tf.math.log(s1) + squares - 0.5)


def deviation_of_known(holes: tf.Tensor) -> tf.Tensor:
    """The standard deviation that the posterior should have: holes [B, H, W, 1] -> [B, 1, 1, 1].

    It is 1 / (1 + exp(8 (r - 0.80001))) for a share r of known pixels. It is small if most pixels
    are known, since then little is left open, and near 1 if few are.
    """
    share = tf.reduce_mean(1 - holes, [1, 2, 3], keepdims=True)
    return tf.sigmoid(_STEEPNESS * (_MIDDLE - share))
