"""Numbers from the normal distribution that are the same wherever they are drawn.

TensorFlow's own differ: from one seed its kernels and XLA draw the same bits, but make other floats
of them. Here the bits become normal by Box and Muller's formula.
"""

import math
from typing import Sequence

import tensorflow as tf

_STEPS = 2**23  # as many whole numbers as float32 can tell apart between 1 and 2


def normal(shape: Sequence, seed: tf.Tensor) -> tf.Tensor:
    """float32 numbers of the standard normal distribution.

    shape: of the result, numbers or scalar tensors.
    seed: two whole numbers, which fix the result.
    """
    bits = tf.random.stateless_uniform(
        tf.stack([2, *shape]), seed, 0, _STEPS, tf.int32, alg="philox"
    )
    length, turn = tf.unstack((tf.cast(bits, tf.float32) + 0.5) / _STEPS)
    return tf.sqrt(-2 * tf.math.log(length)) * tf.cos(2 * math.pi * turn)
