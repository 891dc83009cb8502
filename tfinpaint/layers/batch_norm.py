"""Batch norm with the moments of the whole batch, even if several replicas share the batch.

With one replica the layer is Keras' own, bit for bit. With several, mean and variance are taken
over the pictures of all replicas, and so are the running statistics. Where Keras would use its
fused operation, the running variance has n - 1 in the denominator, as there. (Keras'
`synchronized=True` differs: it divides by n, adds up three tensors over the replicas instead of
one, and computes the variance as a difference of squares, which loses digits.)

Variables and their names are those of Keras' layer.
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers import replicas


class BatchNorm(tf.keras.layers.BatchNormalization):
    """See the top of the file. Arguments are those of Keras' BatchNormalization; the axis is -1."""

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        """[..., C] -> [..., C]. With several replicas `training` is a Python bool, not a tensor."""
        if replicas.count() == 1 or not training or not self.trainable:
            return super().call(inputs, training=training)
        x = tf.cast(inputs, tf.float32)  # half precision has too few digits for sums
        axes = list(range(inputs.shape.rank - 1))
        own = tf.stack(tf.nn.moments(x, axes))  # [2, C]
        means, variances = tf.unstack(replicas.gathered(own), axis=1)  # [R, C] each
        mean = tf.reduce_mean(means, 0)  # [C]
        variance = tf.reduce_mean(variances + tf.square(means - mean), 0)  # [C]
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance * self._correction(x))
        normed = tf.nn.batch_normalization(x, mean, variance, self.beta, self.gamma, self.epsilon)
        return tf.cast(normed, inputs.dtype)

    def _correction(self, x):
        """The factor from the variance of all values to the one that Keras' layer keeps."""
        if not self.fused:
            return 1.0
        values = tf.cast(replicas.whole(tf.size(x) // x.shape[-1]), tf.float32)
        return values / tf.maximum(values - 1, 1)

    def _move(self, running, value):
        value = tf.stop_gradient(value)
        running.assign_sub((running - value) * (1 - self.momentum))


def with_whole_batches(network: tf.keras.Model) -> None:
    """Turns the batch norm layers of a network into `BatchNorm`, in place."""
    for layer in network.layers:
        if type(layer) is tf.keras.layers.BatchNormalization:
            # The class adds no state. Cloning the network instead would draw new weights, and so
            # change the random numbers of everything that is made later.
            layer.__class__ = BatchNorm
