"""Batch norm with the moments of the whole batch, also where several replicas share it.

With one replica it is Keras' own, to the bit. With several the moments are those of all their
pictures, and so are the running statistics: of the variance, where Keras' fused operation would
run, with n - 1 in the denominator as that has it. (Keras' `synchronized=True` has n, takes three
sums instead of one, and subtracts squares of which few digits may be left.)

Variables and their names are those of Keras' layer.
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers import replicas


class BatchNorm(tf.keras.layers.BatchNormalization):
    """See the top of the file. Arguments are those of Keras' BatchNormalization; the axis is -1."""

    def call(self, inputs: tf.Tensor, training: Any = None) -> tf.Tensor:
        """[..., C] -> [..., C]. With several replicas `training` is known while tracing."""
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
        """What makes the variance of all replicas' values the one that Keras keeps."""
        if not self.fused:
            return 1.0
        values = tf.cast(replicas.whole(tf.size(x) // x.shape[-1]), tf.float32)
        return values / tf.maximum(values - 1, 1)

    def _move(self, running, value):
        value = tf.stop_gradient(value)
        running.assign_sub((running - value) * (1 - self.momentum))


def with_whole_batches(network: tf.keras.Model) -> None:
    """Makes the batch norms of a network that Keras has built ones of this file."""
    for layer in network.layers:
        if type(layer) is tf.keras.layers.BatchNormalization:
            # The class adds no state. To clone the network instead would draw its weights anew,
            # and move the random numbers of all that is made after it.
            layer.__class__ = BatchNorm
