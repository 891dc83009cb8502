"""The layers around the context encoder's bottleneck, and a bias that does not learn.

At the bottleneck the kernel is as large as the map, so the convolution is a product of matrices,
and so is the transposed convolution. They are computed as such, since TensorFlow's convolution
would first copy the kernel, 130 MB, into a layout of its own.
"""

import tensorflow as tf

from tfinpaint.layers.arguments import fixed


class SquareToPoint(tf.keras.layers.Conv2D):
    """Keras' Conv2D with a kernel as large as the map: [B, k, k, C] -> [B, 1, 1, filters].

    Args:
        filters, kernel_size, **kwargs: as in Keras. It has no bias and no activation.
    """

    def __init__(self, filters, kernel_size, **kwargs):
        kwargs = fixed(kwargs, padding="valid", use_bias=False)
        super().__init__(filters, kernel_size, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        rows = tf.reshape(self.kernel, [-1, self.filters])  # [k k C, filters]
        points = tf.matmul(tf.reshape(inputs, [-1, rows.shape[0]]), rows)  # [B, filters]
        return points[:, tf.newaxis, tf.newaxis]  # [B, 1, 1, filters]


class PointToSquare(tf.keras.layers.Conv2DTranspose):
    """Keras' Conv2DTranspose of a map with one position: [B, 1, 1, C] -> [B, k, k, filters].

    Args:
        filters, kernel_size, **kwargs: as in Keras. It has no bias and no activation.
    """

    def __init__(self, filters, kernel_size, **kwargs):
        kwargs = fixed(kwargs, padding="valid", use_bias=False)
        super().__init__(filters, kernel_size, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        side, channels = self.kernel_size[0], self.kernel.shape[3]
        rows = tf.reshape(self.kernel, [-1, channels])  # [k k filters, C]
        square = tf.matmul(tf.reshape(inputs, [-1, channels]), rows, transpose_b=True)
        return tf.reshape(square, [-1, side, side, self.filters])  # [B, k, k, filters]


class Offset(tf.keras.layers.Layer):
    """Adds a constant to each channel: [B, h, w, C] -> [B, h, w, C].

    The constants are the biases of a convolution in imported weights (released.py), else 0. They
    are not trained.
    """

    def build(self, shape: tf.TensorShape) -> None:
        self.bias = self.add_weight("bias", [shape[-1]], initializer="zeros", trainable=False)
        super().build(shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs + self.bias
