"""Sizes and shapes of maps."""

from typing import Union

import tensorflow as tf

Size = Union[int, tf.Tensor]  # a number if the graph knows it


def shape(x: tf.Tensor) -> list:
    """The sizes of x: numbers if the graph knows them, tensors if not."""
    if None not in x.shape:
        return list(x.shape)
    return [dynamic if n is None else n for dynamic, n in zip(tf.unstack(tf.shape(x)), x.shape)]


def flat(x: tf.Tensor) -> tf.Tensor:
    """[B, H, W, P] -> [B, N, P], N = H * W positions, counted row by row."""
    b, h, w, p = shape(x)
    return tf.reshape(x, [b, h * w, p])


def double(x: tf.Tensor) -> tf.Tensor:
    """Repeats rows and columns: [B, H, W, C] -> [B, 2H, 2W, C].

    A resize would do the same, but its gradient does not compile. tf.repeat takes many more
    operations.
    """
    b, h, w, c = shape(x)
    columns = tf.reshape(tf.concat([x, x], -1), [b, h, 2 * c * w])  # each pixel twice
    return tf.reshape(tf.concat([columns, columns], -1), [b, 2 * h, 2 * w, c])  # each row twice
