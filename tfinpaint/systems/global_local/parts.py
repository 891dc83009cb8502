"""What the completion network and the critics are made of: convolutions, and norms with their ReLU.

`paper` has the norm before the ReLU, `official` after it (`relu_first`).
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers.batch_norm import BatchNorm


def initial() -> tf.keras.initializers.Initializer:
    """Torch's first weights: uniform within 1 / sqrt(the numbers that one output adds up).

    Their scale counts although norms follow. The gradients are so small that Adadelta does little
    more than add them to the weights, and larger weights turn more slowly.

    A new one for each layer: a single one would give all layers the same numbers.
    """
    return tf.keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def conv(
    filters: int,
    kernel_size: int,
    name: str,
    strides: int = 1,
    dilation_rate: int = 1,
    **kwargs: Any,
) -> tf.keras.layers.Layer:
    """A convolution that keeps the size at stride 1. At stride 2 its input is to be `padded`."""
    return tf.keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        "same" if strides == 1 else "valid",
        dilation_rate=dilation_rate,
        name=name,
        kernel_initializer=initial(),
        **kwargs,
    )


def padded(x: tf.Tensor, convolution: tf.keras.layers.Layer) -> tf.Tensor:
    """x with the zeros that a convolution of stride 2 needs: k // 2 on every side.

    'SAME' would put them on one side only.
    """
    if isinstance(convolution, tf.keras.layers.Conv2DTranspose) or max(convolution.strides) == 1:
        return x
    margin = convolution.kernel_size[0] // 2
    return tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]])


def batch_norm(name: str) -> tf.keras.layers.Layer:
    """Batch norm with PyTorch's constants.

    Its running variance begins at 1/6, about what the first weights make of features whose mean
    square is 1/2, those after a norm and a ReLU. From 1, as usual, a network without training would
    see nothing: each of its layers would take away more than half of what is left.
    """
    return BatchNorm(
        momentum=0.9,
        epsilon=1e-5,
        moving_variance_initializer=tf.keras.initializers.Constant(1 / 6),
        name=name,
    )


def activated(
    x: tf.Tensor, norm: tf.keras.layers.Layer, relu_first: bool, training: bool
) -> tf.Tensor:
    """ReLU and norm of x, in either order."""
    if relu_first:
        return norm(tf.nn.relu(x), training=training)
    return tf.nn.relu(norm(x, training=training))
