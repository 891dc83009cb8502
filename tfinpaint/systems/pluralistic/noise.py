"""Random numbers from the normal distribution that are the same on every device and with XLA.

TensorFlow's own are not: for one seed its kernels and XLA draw the same bits, but turn them into
different floats. Here the Box-Muller transform turns the bits into normal numbers.
"""

import math
from typing import Sequence

import tensorflow as tf

from tfinpaint.layers.random_numbers import STEPS, uniform


def normal(shape: Sequence, seed: tf.Tensor) -> tf.Tensor:
    """float32 numbers from the standard normal distribution.

    shape: the shape of the result, ints or scalar tensors.   seed: integer [2].
    """
    # Half a step makes the numbers positive, and is exact in float32.
    length, turn = tf.unstack(uniform(tf.stack([2, *shape]), seed) + 0.5 / STEPS)
    return tf.sqrt(-2 * tf.math.log(length)) * tf.cos(2 * math.pi * turn)
