"""Instance normalisation, from TensorFlow Addons: a file of its own, as networks without it need
not wait for the import."""

import tensorflow as tf

from tfinpaint.addons import InstanceNormalization


class InstanceNorm(InstanceNormalization):
    """Computes in float32 also under mixed precision, whose variances overflow, and gives back what
    it was given."""

    def call(self, inputs):
        return tf.cast(super().call(tf.cast(inputs, tf.float32)), inputs.dtype)
