"""Sizes and shapes of maps."""

from typing import Union

import tensorflow as tf

Size = Union[int, tf.Tensor]  # an int if the graph knows it, else an int32 scalar


def shape(x: tf.Tensor) -> list:
    """The sizes of x: ints if the graph knows them, int32 scalars if not."""
    if None not in x.shape:
        return list(x.shape)
    return [dynamic if n is None else n for dynamic, n in zip(tf.unstack(tf.shape(x)), x.shape)]


def flat(x: tf.Tensor) -> tf.Tensor:
    """[B, H, W, P] -> [B, N, P], N = H * W positions, numbered row by row."""
    b, h, w, p = shape(x)
    return tf.reshape(x, [b, h * w, p])


def double(x: tf.Tensor) -> tf.Tensor:
    """Repeats each row and each column: [B, H, W, C] -> [B, 2H, 2W, C].

    The gradient of tf.image.resize does not compile with XLA, and tf.repeat takes many more
    operations.
    """
    b, h, w, c = shape(x)
    columns = tf.reshape(tf.concat([x, x], -1), [b, h, 2 * c * w])  # each pixel twice
    return tf.reshape(tf.concat([columns, columns], -1), [b, 2 * h, 2 * w, c])  # each row twice
