"""Partial convolution: a convolution that sees only known pixels.

Sources: Liu et al., Image Inpainting for Irregular Holes Using Partial Convolutions, 2018;
equations (1)-(5) of the multistage attention paper (2020). Its M is `count` here. Its E is
`window`, the size of the window, k * k * C.
"""

from typing import Any, Sequence, Tuple

import tensorflow as tf

from tfinpaint.layers import arguments
from tfinpaint.layers.doubled_conv import doubled_conv
from tfinpaint.layers.shapes import double

_WIDE = 256  # with more filters, rearranging the kernel for `doubled_conv` costs more than it saves


class PartialConv2D(tf.keras.layers.Layer):
    """Convolves the known pixels, scales up to make up for missing ones, and updates the mask.

    Args:
        filters: channels of the output.
        kernel_size: odd side of the square window, k. The padding is k // 2 on every side and
            counts as missing.
        strides: step between windows.
        doubled: whether the first part of the input has half the size, and is doubled by repeating
            rows and columns. Only with kernel_size 3 and strides 1.

    Call arguments: `[features, valid]`
        features: [B, H, W, C].
        valid: 1 where known, 0 where missing: [B, H, W, C], or [B, H, W, 1] for all channels.
        Each may be a list of parts (such as a decoder's up-sampled features and its encoder's),
        which are concatenated. Each part of `valid` then has one channel, for all channels of its
        part.

    Returns: features [B, ceil(H / s), ceil(W / s), filters], 0 where no pixel of the window is
        known; and valid [B, ceil(H / s), ceil(W / s), 1], 1 where at least one is. s is `strides`.

    Weights: kernel [k, k, C, filters], bias [filters], in this order.

    Raises: ValueError for an argument that is not allowed, or `valid` of another shape.
    """

    def __init__(self, filters, kernel_size, strides=1, doubled=False, **kwargs):
        super().__init__(**kwargs)
        arguments.check_whole(filters=filters, strides=strides)
        arguments.check_odd(kernel_size=kernel_size)
        if doubled and (kernel_size, strides) != (3, 1):
            raise ValueError(
                "`doubled` goes with windows of 3x3 and strides of 1. "
                f"Got {kernel_size} and {strides}"
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.doubled = doubled

    def build(self, input_shape: Any) -> None:
        # Keras hands over the shapes of [features, valid]; parts arrive as a list of shapes. A
        # shape itself may be a list too, of sizes: so it is stored in a .keras file.
        shape = input_shape[0]
        parts = shape if isinstance(shape[0], (list, tuple, tf.TensorShape)) else [shape]
        channels = sum(int(part[-1]) for part in parts)
        # PyTorch's initial weights, as in the authors' code: uniform in +-1 / sqrt(fan-in).
        initial = tf.keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        kernel_shape = (self.kernel_size, self.kernel_size, channels, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=kernel_shape, initializer=initial)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Sequence) -> Tuple[tf.Tensor, tf.Tensor]:
        features, valid = (list(x) if isinstance(x, (list, tuple)) else [x] for x in inputs)
        arguments.check_parts_of_valid(features, valid)
        features = [tf.cast(f, self.compute_dtype) for f in features]
        valid = [tf.cast(v, self.compute_dtype) for v in valid]
        seen = [f * v for f, v in zip(features, valid)]
        if self.doubled:
            valid[0] = double(valid[0])
        raw = self._convolve(seen)  # [B, h, w, filters]

        # All output channels share one count of known inputs, so it is computed once. It is
        # float32, since float16 cannot hold the counts of wide layers exactly.
        per_pixel = sum(_known_channels(f, tf.cast(v, tf.float32)) for f, v in zip(features, valid))
        window_of_ones = tf.ones((self.kernel_size, self.kernel_size, 1, 1))
        count = self._slide(per_pixel, window_of_ones)  # [B, h, w, 1]
        window = float(self.kernel_size**2 * self.kernel.shape[2])
        known = tf.minimum(count, 1.0)
        scale = known * window / tf.maximum(count, 1.0)  # (4); the maximum is only for a count of 0
        known = tf.cast(known, raw.dtype)
        return raw * tf.cast(scale, raw.dtype) + self.bias * known, known  # (2), (5)

    def _convolve(self, seen):
        kernel = tf.cast(self.kernel, self.compute_dtype)
        if not self.doubled:
            return self._slide(tf.concat(seen, axis=-1), kernel)
        if self.filters > _WIDE:
            return self._slide(tf.concat([double(seen[0]), *seen[1:]], axis=-1), kernel)
        channels = seen[0].shape[-1]
        half, whole = tf.split(kernel, [channels, kernel.shape[2] - channels], axis=2)
        raw = doubled_conv(seen[0], half)
        return raw + self._slide(tf.concat(seen[1:], axis=-1), whole) if len(seen) > 1 else raw

    def _slide(self, x, kernel):
        # The padding is symmetric. With stride 1, "SAME" is symmetric too, and it is used there,
        # since explicit padding has a slow gradient on CPUs.
        if self.strides > 1:
            p = self.kernel_size // 2
            x = tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]])
        padding = "SAME" if self.strides == 1 else "VALID"
        return tf.nn.conv2d(x, tf.cast(kernel, x.dtype), self.strides, padding)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "doubled": self.doubled,
        }


def _known_channels(features, valid):
    """The number of known channels of each pixel: [B, H, W, 1]."""
    if valid.shape[-1] == 1:
        return valid * features.shape[-1]
    return tf.reduce_sum(valid, -1, True)
