"""Random numbers that are the same on every device and with XLA."""

from typing import Any, Sequence

import tensorflow as tf

STEPS = 2**23  # the numbers are multiples of 1 / STEPS


def uniform(shape: Sequence, seed: Any) -> tf.Tensor:
    """float32 numbers in [0, 1).

    Whole numbers are drawn and divided, because TensorFlow and XLA agree on the bits of random
    whole numbers, but not on those of random floats.

    shape: the shape of the result, ints or scalar tensors.   seed: integer [2].
    """
    bits = tf.random.stateless_uniform(shape, seed, 0, STEPS, tf.int32, alg="philox")
    return tf.cast(bits, tf.float32) / STEPS
