"""Gated convolution: a convolution that is multiplied by a learned gate between 0 and 1.

Source: Yu et al., Free-Form Image Inpainting with Gated Convolution, ICCV 2019, equation (3).
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers import arguments


class GatedConv2D(tf.keras.layers.Layer):
    """activation(features convolved) * sigmoid(features convolved with other filters).

    Args:
        filters: channels of the output.
        kernel_size: side of the square window, k.
        strides: step between windows.
        dilation_rate: distance between the pixels of a window. At most one of `strides` and
            `dilation_rate` is above 1.
        activation: name of a Keras activation, for the features (not the gate).

    Call arguments: features [B, H, W, C]. Returns: [B, ceil(H / s), ceil(W / s), filters], where s
        is `strides`. The padding is TensorFlow's 'SAME'.

    Weights: kernel [k, k, C, 2 * filters] and bias [2 * filters], in this order. The first half of
        their channels is for the features, the second half for the gate.

    Raises: ValueError for an argument that is not allowed.
    """

    def __init__(
        self, filters, kernel_size, strides=1, dilation_rate=1, activation="elu", **kwargs
    ):
        super().__init__(**kwargs)
        arguments.check_whole(
            filters=filters, kernel_size=kernel_size, strides=strides, dilation_rate=dilation_rate
        )
        if strides > 1 and dilation_rate > 1:
            raise ValueError(
                f"one of `strides` and `dilation_rate` is 1. Got {strides} and {dilation_rate}"
            )
        tf.keras.activations.get(activation)  # raises ValueError for an unknown name
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.activation = activation

    def build(self, input_shape: Any) -> None:
        shape = (self.kernel_size, self.kernel_size, int(input_shape[-1]), 2 * self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(2 * self.filters,), initializer="zeros")
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        features = tf.cast(features, self.compute_dtype)
        # Two convolutions: one with all filters, then split, would take a fifth longer.
        kernels = tf.split(tf.cast(self.kernel, features.dtype), 2, axis=-1)
        biases = tf.split(tf.cast(self.bias, features.dtype), 2)
        # [B, h, w, filters] each
        values, gate = (
            tf.nn.bias_add(self.convolve(features, kernel), bias)
            for kernel, bias in zip(kernels, biases)
        )
        return tf.keras.activations.get(self.activation)(values) * tf.sigmoid(gate)

    def convolve(self, features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """[B, H, W, C] -> [B, h, w, filters], before the bias."""
        # The function that Keras uses: on the CPU, tf.nn.conv2d lacks the gradient of a dilated
        # convolution in some precisions.
        return tf.nn.convolution(
            features, kernel, self.strides, "SAME", dilations=self.dilation_rate
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "activation": self.activation,
        }
