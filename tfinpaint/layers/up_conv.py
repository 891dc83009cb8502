"""A transposed 4x4 convolution with stride 2 that is faster for large kernels and for few filters.

Deep in a U-Net the kernel is much larger than the map: 33 MB for a map of 2 x 2. TensorFlow's
convolution first copies the kernel into a layout of its own, which there takes most of the time.
Here the map is multiplied by each of the kernel's 16 taps, and the products are added up at their
places. This takes a fifth of the time for 2 x 2 pixels (a sixth with the gradient), a third for
8 x 8, and the same time for 32 x 32. In bfloat16 the products are rounded before they are added up.

A layer with few filters, such as the last one, whose output is a picture, is computed as a 2x2
convolution with four times as many filters. From 128 channels to 3, at 128 x 128 pixels, this takes
half of the time.
"""

import tensorflow as tf

from tfinpaint.layers.arguments import fixed
from tfinpaint.layers.doubled_conv import conv_of_blocks
from tfinpaint.layers.shapes import shape
from tfinpaint.layers.tracing import converting

_WIDE = 512  # filters from which on a kernel is large
_NARROW = 4  # filters up to which TensorFlow's transposed convolution is slow
_TAPS = [3, 1, 2, 0]  # of the 4 along an axis: two for even outputs, then two for odd ones


class UpConv2D(tf.keras.layers.Conv2DTranspose):
    """Keras' Conv2DTranspose with 4x4 windows, stride 2 and padding "same".

    [B, H, W, C] -> [B, 2H, 2W, filters].
    """

    def __init__(self, filters, **kwargs):
        kwargs = fixed(kwargs, kernel_size=4, strides=2, padding="same", dilation_rate=1)
        super().__init__(filters, **kwargs)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs = double_size(inputs, self.kernel)
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


def double_size(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """x [B, H, W, C], kernel [4, 4, F, C] -> [B, 2H, 2W, F], by the fastest of three methods."""
    (b, h, w, _), filters = shape(x), kernel.shape[2]
    # TFLite's own transposed convolution takes six times as long.
    if converting() or filters <= _NARROW:
        return _by_blocks(x, tf.convert_to_tensor(kernel))
    if filters >= _WIDE:
        return up_conv(x, kernel)
    return tf.nn.conv2d_transpose(x, kernel, [b, 2 * h, 2 * w, filters], 2, "SAME")


def up_conv(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """By products with each tap: x [B, H, W, C], kernel [4, 4, F, C] -> [B, 2H, 2W, F]."""
    (b, h, w, c), filters = shape(x), kernel.shape[2]
    kernel = tf.reshape(kernel, [16, filters, c])
    taps = tf.matmul(tf.reshape(x, [1, -1, c]), kernel, transpose_b=True)  # [16, B H W, F]
    taps = tf.unstack(tf.reshape(taps, [4, 4, b, h, w, filters]))

    def cell(row, column):
        """The output rows and columns of this parity, and one more: [B, H + 1, W + 1, F].

        Tap 2 i + row of pixel y adds to cell y + i.
        """
        places = [(i, j) for i in (0, 1) for j in (0, 1)]
        reached = [tf.unstack(taps[2 * i + row])[2 * j + column] for i, j in places]
        return tf.add_n(
            [
                tf.pad(x, [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]])
                for x, (i, j) in zip(reached, places)
            ]
        )

    cells = [cell(row, column) for row in (0, 1) for column in (0, 1)]
    blocks = tf.nn.depth_to_space(tf.concat(cells, -1), 2)  # [B, 2H + 2, 2W + 2, F]
    return tf.slice(blocks, [0, 1, 1, 0], [b, 2 * h, 2 * w, filters])


def _by_blocks(x, kernel):
    """The same as one 2x2 convolution, for kernels that take little time to reorder."""
    filters, c = kernel.shape[2:]
    # A new first axis, since the gradient of a gather along the first axis is sparse.
    kernels = tf.gather(tf.gather(kernel[tf.newaxis], _TAPS, axis=1), _TAPS, axis=2)
    kernels = tf.reshape(kernels, [2, 2, 2, 2, filters, c])
    kernels = tf.transpose(kernels, [1, 3, 5, 0, 2, 4])  # [2, 2, C, 2, 2, F]
    return conv_of_blocks(x, tf.reshape(kernels, [2, 2, c, 4 * filters]))
