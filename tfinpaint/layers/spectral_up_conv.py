"""A transposed 4x4 convolution with stride 2 whose kernel is divided by its largest singular value.

The kernel is read as a matrix with a column for each filter, as in spectral_conv.py.
torch.nn.utils.spectral_norm reads transposed convolutions in the same way.
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers.arguments import fixed
from tfinpaint.layers.spectral_conv import SpectralConv2D
from tfinpaint.layers.up_conv import double_size


class SpectralUpConv2D(SpectralConv2D):
    """[B, H, W, C] -> [B, 2H, 2W, filters], like UpConv2D.

    Its kernel is [4, 4, C, filters], in the order of an ordinary convolution.
    """

    def __init__(self, filters, **kwargs):
        kwargs = fixed(kwargs, kernel_size=4, strides=2, padding="same", dilation_rate=1)
        super().__init__(filters, **kwargs)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return double_size(inputs, tf.transpose(kernel, [0, 1, 3, 2]))

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        b, h, w, _ = tf.TensorShape(input_shape).as_list()
        return tf.TensorShape([b, h and 2 * h, w and 2 * w, self.filters])
