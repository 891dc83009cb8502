"""The convolutions and norms of which the completion network and the critics are made.

In `paper` the norm comes before the ReLU, in `official` after it (`relu_first`).
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers.batch_norm import BatchNorm


def initial() -> tf.keras.initializers.Initializer:
    """An initializer with Torch's initial weights: uniform in +-1 / sqrt(fan-in).

    Their scale matters although norms follow. The gradients are so small that Adadelta does little
    more than add them to the weights, so larger weights change their direction more slowly.

    Each layer needs its own initializer: a shared one would give all layers the same numbers.
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
    """A convolution that keeps the size at stride 1. With stride 2, pass its input to `padded`."""
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
    """Pads x with k // 2 zeros on every side if the convolution has stride 2.

    'SAME' would pad more on one side than on the other.
    """
    if isinstance(convolution, tf.keras.layers.Conv2DTranspose) or max(convolution.strides) == 1:
        return x
    margin = convolution.kernel_size[0] // 2
    return tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]])


def batch_norm(name: str) -> tf.keras.layers.Layer:
    """Batch norm with PyTorch's constants.

    Its running variance starts from 1/6. This is about the variance that the initial weights give
    for inputs with a mean square of 1/2, as after a norm and a ReLU. With the usual 1, each layer
    of an untrained network would more than halve its features, and the output would hardly depend
    on the image.
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
    """Applies norm and ReLU to x; the ReLU first if `relu_first`."""
    if relu_first:
        return norm(tf.nn.relu(x), training=training)
    return tf.nn.relu(norm(x, training=training))
