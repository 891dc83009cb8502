"""A convolution whose kernel is divided by its largest singular value, as PyTorch does it.

Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018, and
torch.nn.utils.spectral_norm.

The kernel is read as a matrix W with a row for each window position and input channel, and a column
for each filter. The layer convolves with W / (v' W u), where v and u are unit vectors, one number
for each row and each column. The gradient flows through W in the divisor too, and treats v and u as
constants. Each call computes v from u. With training=True it then updates u from v, which completes
one step of the power iteration.

The wrapper of TensorFlow Addons differs: it overwrites the kernel itself, and no gradient flows
through the divisor.
"""

from typing import Any

import tensorflow as tf


class SpectralConv2D(tf.keras.layers.Conv2D):
    """See the top of the file. Arguments are those of Keras' Conv2D; `groups` is 1.

    Attributes:
        filter_vector: float32 [filters], not trained: u, of any norm above 0.
    """

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.filter_vector = self.add_weight(
            name="filter_vector",
            shape=[self.filters],
            initializer=tf.keras.initializers.RandomNormal(),
            dtype=tf.float32,
            trainable=False,
            experimental_autocast=False,
            # Each replica has its own copy, since all compute the same values.
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        # In float32 even under mixed precision.
        kernel = tf.cast(self.kernel, tf.float32)
        matrix = tf.reshape(kernel, [-1, self.filters])
        constant = tf.stop_gradient(matrix)
        u = tf.nn.l2_normalize(self.filter_vector)  # [filters]
        v = tf.nn.l2_normalize(tf.linalg.matvec(constant, u))  # [k k C]
        if training:
            u = tf.nn.l2_normalize(tf.linalg.matvec(constant, v, transpose_a=True))
            self.filter_vector.assign(u)
        largest = tf.reduce_sum(v * tf.linalg.matvec(matrix, u))
        outputs = self.convolution_op(inputs, tf.cast(kernel / largest, inputs.dtype))
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)
