"""Instance normalisation, from TensorFlow Addons.

It has its own file, so that networks without it need not import that package, which takes time.
"""

import tensorflow as tf

from tfinpaint.addons import InstanceNormalization


class InstanceNorm(InstanceNormalization):
    """Instance norm that computes in float32 even under mixed precision.

    In float16 variances overflow. The output has the type of the input.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.cast(super().call(tf.cast(inputs, tf.float32)), inputs.dtype)
