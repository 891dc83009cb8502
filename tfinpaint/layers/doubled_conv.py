"""Nearest-neighbour doubling followed by a 3x3 convolution, computed on the map before doubling.

After doubling, some of the 3x3 pixels in a window are copies of the same pixel. So each of the four
pixels in a 2x2 block of the output is a 2x2 convolution of the original map. That takes 16 products
for a block instead of 36.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from tfinpaint.layers.arguments import fixed
from tfinpaint.layers.gated_conv import GatedConv2D
from tfinpaint.layers.shapes import shape

# Axes: place in the block, tap of the 2x2 window, tap of the 3x3 window. In an even row the last
# two pixels of the window are copies of one pixel, in an odd row the first two.
_TAPS = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)


def doubled_conv(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Repeats each row and column, then convolves with zeros beyond the border.

    x [B, H, W, C], kernel [3, 3, C, F] -> [B, 2H, 2W, F].
    """
    kernel = tf.convert_to_tensor(kernel)  # in half precision, if mixed precision reads it so
    channels, filters = kernel.shape[2:]
    taps = tf.cast(_TAPS, kernel.dtype)
    kernels = tf.einsum("aiu,bjv,uvcf->ijcabf", taps, taps, kernel)  # [2, 2, C, 2, 2, F]
    kernels = tf.reshape(kernels, [2, 2, channels, 4 * filters])
    return conv_of_blocks(x, kernels)


def conv_of_blocks(x: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """x [B, H, W, C], kernels [2, 2, C, 4 F] -> [B, 2H, 2W, F], with zeros beyond the border.

    The kernels are four 2x2 convolutions of F filters each, for the places (0, 0), (0, 1), (1, 0)
    and (1, 1) in a 2x2 block of the output. At place (a, b) the window begins at
    (y - 1 + a, x - 1 + b).
    """
    (batch, height, width, _), filters = shape(x), kernels.shape[3] // 4
    # On CPUs, the gradients of a convolution's explicit padding and of slices x[a:b] are slow. The
    # gradient of tf.slice is tf.pad.
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    y = tf.nn.conv2d(padded, kernels, 1, "VALID")  # [B, H + 1, W + 1, 4 F]
    parts = tf.split(y, 4, axis=-1)
    places = [(a, b) for a in (0, 1) for b in (0, 1)]
    size = [batch, height, width, filters]
    blocks = [tf.slice(part, [0, a, b, 0], size) for part, (a, b) in zip(parts, places)]
    return tf.nn.depth_to_space(tf.concat(blocks, -1), 2)  # [B, 2H, 2W, F]


class DoubledConv2D(tf.keras.layers.Conv2D):
    """Keras' Conv2D, 3x3 with padding "same", after doubling the map by repetition.

    [B, H, W, C] -> [B, 2H, 2W, filters].
    """

    def __init__(self, filters, **kwargs):
        kwargs = fixed(kwargs, kernel_size=3, padding="same", strides=1, dilation_rate=1)
        super().__init__(filters, **kwargs)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return doubled_conv(inputs, kernel)

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        b, h, w, _ = tf.TensorShape(input_shape)
        return tf.TensorShape([b, h and 2 * h, w and 2 * w, self.filters])


class DoubledGatedConv2D(GatedConv2D):
    """GatedConv2D, 3x3, after doubling the map by repetition.

    [B, H, W, C] -> [B, 2H, 2W, filters].
    """

    def __init__(self, filters, **kwargs):
        super().__init__(filters, **fixed(kwargs, kernel_size=3, strides=1, dilation_rate=1))

    def convolve(self, features: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return doubled_conv(features, kernel)
