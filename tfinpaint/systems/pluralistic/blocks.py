"""The blocks of which encoder, generator and critics of pluralistic completion are made.

Each convolution is spectrally normalised, pads with zeros and has a bias. A block is the sum of two
branches; the output layer has one branch:

    FirstBlock      conv3, act, conv3, pool            plus    pool, conv1
    ResidualBlock   act, conv3, act, conv3             plus    conv1     (then pool, if it halves)
    UpBlock         norm, act, conv3, norm, act, up3   plus    up3       (doubles the size)
    Output          act, conv3 padded by reflection, tanh: a picture

`act` is leaky ReLU of slope 0.1, `norm` instance norm with scale and shift, `pool` the mean of 2x2
pixels, `conv3` a 3x3 and `conv1` a 1x1 convolution, `up3` a transposed 3x3 convolution.

Source: Zheng et al., Pluralistic Image Completion, CVPR 2019; the order inside the blocks is that
of the released networks.
"""

import tensorflow as tf

from tfinpaint.networks.parts import instance_norm
from tfinpaint.systems.pluralistic.spectral import SpectralConv2D, SpectralUpConv2D

SLOPE = 0.1


def act(x: tf.Tensor, slope: float = SLOPE) -> tf.Tensor:
    """Leaky ReLU."""
    return tf.nn.leaky_relu(x, slope)


def act_of_sum(x: tf.Tensor) -> tf.Tensor:
    """`act` for a sum that no other operation reads.

    TensorFlow 2.15 fuses a convolution, a sum and a leaky ReLU in sequence, and then always uses a
    slope of 0.2. It does not recognise a leaky ReLU in this form.
    """
    return tf.maximum(x, SLOPE * x)


def mean_pool(x: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] -> [B, H/2, W/2, C]."""
    return tf.nn.avg_pool2d(x, 2, 2, "VALID")


class FirstBlock(tf.keras.layers.Layer):
    """Images [B, H, W, 3] -> [B, H/2, W/2, filters]."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv_1 = SpectralConv2D(filters, name="conv_1")
        self.conv_2 = SpectralConv2D(filters, halves=True, name="conv_2")
        self.bypass = SpectralConv2D(filters, 1, name="bypass")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        inner = self.conv_2(act(self.conv_1(x, training=training)), training=training)
        return inner + self.bypass(mean_pool(x), training=training)

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}


class ResidualBlock(tf.keras.layers.Layer):
    """[B, H, W, C] -> [B, H, W, filters].

    Args:
        filters: output channels.
        hidden: channels between the two convolutions; None is `filters`.
        halves: whether the output has half the size, [B, H/2, W/2, filters]; H and W are even.
        slope: slope of the leaky ReLU.
    """

    def __init__(self, filters, hidden=None, halves=False, slope=SLOPE, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.hidden, self.halves, self.slope = filters, hidden, halves, slope
        self.conv_1 = SpectralConv2D(hidden or filters, name="conv_1")
        self.conv_2 = SpectralConv2D(filters, halves=halves, name="conv_2")
        self.bypass = SpectralConv2D(filters, 1, name="bypass")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        inner = self.conv_1(act(x, self.slope), training=training)
        inner = self.conv_2(act(inner, self.slope), training=training)
        # Pooling before the 1x1 convolution gives the same as after it, at a quarter of the cost.
        return inner + self.bypass(mean_pool(x) if self.halves else x, training=training)

    def get_config(self) -> dict:
        own = {"filters": self.filters, "hidden": self.hidden}
        return {**super().get_config(), **own, "halves": self.halves, "slope": self.slope}


class UpBlock(tf.keras.layers.Layer):
    """[B, H, W, C] -> [B, 2H, 2W, filters]."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.norm_1, self.norm_2 = instance_norm("norm_1"), instance_norm("norm_2")
        self.conv_1 = SpectralConv2D(filters, name="conv_1")
        self.conv_2 = SpectralUpConv2D(filters, name="conv_2")
        self.bypass = SpectralUpConv2D(filters, name="bypass")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        inner = self.conv_1(act(self.norm_1(x)), training=training)  # [B, H, W, F]
        inner = self.conv_2(act(self.norm_2(inner)), training=training)  # [B, 2H, 2W, F]
        return inner + self.bypass(x, training=training)

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}


class Output(tf.keras.layers.Layer):
    """Features [B, H, W, C] -> a picture float32 [B, H, W, 3] in [-1, 1]."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv_1 = SpectralConv2D(3, padding="valid", name="conv_1")

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        padded = tf.pad(act(x), [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        return tf.tanh(tf.cast(self.conv_1(padded, training=training), tf.float32))
