"""Instance normalisation, from TensorFlow Addons.

It has a file of its own so that networks without it do not wait for the import.
"""

import tensorflow as tf

from tfinpaint.addons import InstanceNormalization


class InstanceNorm(InstanceNormalization):
    """Computes in float32 even under mixed precision, in which variances overflow.

    The output has the type of the input.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.cast(super().call(tf.cast(inputs, tf.float32)), inputs.dtype)
