"""Convolutions and norms that several networks are made of.

Their settings are PyTorch's, with which the papers' networks were trained, not Keras'.
"""

from typing import Any, Optional

import tensorflow as tf

from tfinpaint.layers.down_conv import DownConv2D
from tfinpaint.layers.tracing import making_weights
from tfinpaint.layers.up_conv import UpConv2D

NORMAL = tf.keras.initializers.RandomNormal  # U-Nets of the pix2pix family start from N(0, 0.02)


def conv(
    filters: int,
    kernel_size: int,
    name: str,
    strides: int = 1,
    dilation_rate: int = 1,
    **kwargs: Any,
) -> tf.keras.layers.Layer:
    """A convolution that keeps the size at stride 1 and halves an even size at stride 2.

    With stride 2 the kernel is 4x4. In these cases 'SAME' padding is symmetric: (k - 1) / 2 on
    every side for an odd k at stride 1, and 1 on every side for 4x4 kernels at stride 2.
    """
    initial = NORMAL(0.0, 0.02)
    if (kernel_size, strides, dilation_rate) == (4, 2, 1):
        return DownConv2D(filters, name=name, kernel_initializer=initial, **kwargs)
    return tf.keras.layers.Conv2D(
        filters,
        kernel_size,
        strides,
        "same",
        dilation_rate=dilation_rate,
        name=name,
        kernel_initializer=initial,
        **kwargs,
    )


def up_conv(
    filters: int, kernel_size: int, name: str, strides: int = 2, **kwargs: Any
) -> tf.keras.layers.Layer:
    """A transposed convolution with PyTorch's padding of 1.

    A 4x4 kernel at stride 2 doubles the size, a 3x3 kernel at stride 1 keeps it.
    """
    initial = NORMAL(0.0, 0.02)
    if (kernel_size, strides) == (4, 2):
        return UpConv2D(filters, name=name, kernel_initializer=initial, **kwargs)
    return tf.keras.layers.Conv2DTranspose(
        filters, kernel_size, strides, "same", name=name, kernel_initializer=initial, **kwargs
    )


def instance_norm(name: str, affine: bool = True) -> tf.keras.layers.Layer:
    """Normalises each channel of each picture, with PyTorch's epsilon of 1e-5.

    The default of TensorFlow Addons, 1e-3, would change the output visibly. `affine` adds a scale
    and a shift for each channel.
    """
    from tfinpaint.networks.instance_norm import InstanceNorm  # late: it imports TensorFlow Addons

    return InstanceNorm(
        epsilon=1e-5, center=affine, scale=affine, name=name, dtype="float32", autocast=False
    )


def leaky(x: tf.Tensor) -> tf.Tensor:
    """Leaky ReLU of slope 0.2."""
    return tf.nn.leaky_relu(x, 0.2)


def make_weights(
    network: tf.keras.layers.Layer, *channels: int, side: Optional[int] = None
) -> None:
    """Calls a network once on symbolic inputs, so that all its weights are created.

    Args:
        network: the network.
        *channels: the number of channels of each input.
        side: height and width of the inputs; None is any.

    AutoGraph is switched off for the call. It would read and rewrite the source of every layer, and
    no layer needs it.
    """
    inputs = [tf.keras.Input((side, side, c)) for c in channels]
    with making_weights():
        tf.autograph.experimental.do_not_convert(network)(inputs if len(inputs) > 1 else inputs[0])
