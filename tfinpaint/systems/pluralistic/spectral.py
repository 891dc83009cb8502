"""Convolutions whose kernels are divided by their largest singular value, as in PIC's code.

PIC is Pluralistic Image Completion. The kernel is read as a matrix M with a row for each element of
its last axis: for each output channel of a convolution, and for each input channel of a transposed
convolution. (PIC's code takes the first axis of PyTorch's tensor for both.) The largest singular
value sigma is estimated by power iteration:

    v <- M' u / |M' u|        u <- M v / |M v|        sigma = u' M v

With training=True each call takes one step of the iteration and stores u and sigma. The gradient
flows through sigma, and treats u and v as constants. With training=False a call divides by the
stored sigma and changes nothing. A new layer takes a few steps at once, for a good first estimate.

Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018; the
choice of M is that of the released code of Zheng et al., Pluralistic Image Completion, CVPR 2019.
"""

from typing import Any, Tuple

import tensorflow as tf

from tfinpaint.layers.shapes import shape
from tfinpaint.layers.tracing import converting

_FIRST_STEPS = 5
# Axes: place in the 2x2 block, tap of the 2x2 window (which begins at the block's pixel), tap of
# the 3x3 kernel. An even row sees the block's pixel with the middle tap; an odd row sees it with
# the last tap, and the next pixel with the first.
_TAPS = [[[0, 1, 0], [0, 0, 0]], [[0, 0, 1], [1, 0, 0]]]


class _Spectral(tf.keras.layers.Layer):
    """The base class of the layers below, with the variables `kernel`, `bias`, `u` and `sigma`.

    The variables are float32 even under mixed precision.
    """

    def _add_weights(self, kernel_shape: Tuple[int, ...], fan_in: int) -> None:
        # PyTorch's default initial weights. The authors' code initialises orthogonally, but skips
        # every layer with spectral norm.
        initial = tf.keras.initializers.RandomUniform
        bound = fan_in**-0.5

        def add(name, of, initializer, trainable=True, **kwargs):
            return self.add_weight(
                name=name,
                shape=of,
                initializer=initializer,
                trainable=trainable,
                dtype="float32",
                experimental_autocast=False,
                **kwargs,
            )

        self.kernel = add("kernel", kernel_shape, initial(-bound, bound))
        self.bias = add("bias", (self.filters,), initial(-bound, bound))
        # Each replica has its own copy, since all compute the same values from the same kernel.
        alike = {
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA,
        }
        self.u = add("u", (kernel_shape[-1],), "ones", **alike)
        self.sigma = add("sigma", (), "ones", **alike)
        with tf.init_scope():
            u = tf.convert_to_tensor(self.u)
            for _ in range(_FIRST_STEPS):
                u, sigma = power_step(tf.convert_to_tensor(self.kernel), u)
            self.u.assign(u)
            self.sigma.assign(sigma)

    def normalised(self, training: bool) -> tf.Tensor:
        """The kernel divided by sigma, float32."""
        if not training:
            return self.kernel / self.sigma
        kernel = tf.convert_to_tensor(self.kernel)
        u, sigma = power_step(kernel, self.u)
        self.u.assign(u)
        self.sigma.assign(tf.stop_gradient(sigma))
        return kernel / sigma

    def _biased(self, x):
        return tf.nn.bias_add(x, tf.cast(self.bias, x.dtype))


def power_step(kernel: tf.Tensor, u: tf.Tensor) -> Tuple[tf.Tensor, tf.Tensor]:
    """One step of the power iteration: kernel [..., R], u [R] -> the next u, and sigma, a scalar.

    Only sigma has a gradient, with respect to the kernel.
    """
    m = tf.reshape(kernel, [-1, kernel.shape[-1]])  # [others, R], M transposed
    fixed = tf.stop_gradient(m)
    v = _unit(tf.linalg.matvec(fixed, tf.stop_gradient(u)))  # [others]
    u = _unit(tf.linalg.matvec(fixed, v, transpose_a=True))  # [R]
    return u, tf.tensordot(v, tf.linalg.matvec(m, u), 1)


def _unit(x):
    return x / (tf.norm(x) + 1e-12)


class SpectralConv2D(_Spectral):
    """A convolution with a bias: [B, H, W, C] -> [B, H, W, filters].

    Args:
        filters: output channels.
        kernel_size: odd side of the kernel.
        padding: "same" (zeros beyond the border) or "valid".
        halves: whether the means of 2x2 outputs are returned, [B, H/2, W/2, filters]. H and W are
            then even.
    """

    def __init__(self, filters, kernel_size=3, padding="same", halves=False, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.padding, self.halves = padding, halves

    def build(self, input_shape: Any) -> None:
        size, channels = self.kernel_size, int(input_shape[-1])
        self._add_weights((size, size, channels, self.filters), channels * size * size)
        super().build(input_shape)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        kernel = self.normalised(training)
        if self.halves:
            kernel = mean_of_four(kernel)
        kernel = tf.cast(kernel, x.dtype)
        return self._biased(tf.nn.conv2d(x, kernel, 1 + self.halves, self.padding.upper()))

    def get_config(self) -> dict:
        own = {"filters": self.filters, "kernel_size": self.kernel_size}
        return {**super().get_config(), **own, "padding": self.padding, "halves": self.halves}


class SpectralUpConv2D(_Spectral):
    """A transposed 3x3 convolution with a bias: [B, H, W, C] -> [B, 2H, 2W, filters].

    It equals PyTorch's with stride 2, padding 1 and output padding 1. The full result has 2 H + 1
    rows, of which the first is left out (TensorFlow's 'SAME' leaves out the last one). The same
    holds for columns. The kernel is [3, 3, filters, C].
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, input_shape: Any) -> None:
        channels = int(input_shape[-1])
        # PyTorch's fan-in of a transposed convolution counts its output channels.
        self._add_weights((3, 3, self.filters, channels), 9 * self.filters)
        super().build(input_shape)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self._biased(up_conv(x, tf.cast(self.normalised(training), x.dtype)))

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}


def mean_of_four(kernel: tf.Tensor) -> tf.Tensor:
    """The kernel that with stride 2 gives the means of 2x2 outputs of the given kernel.

    [k, k, C, F] -> [k + 1, k + 1, C, F]. Both have padding "same". For k = 3 a mean takes 16
    products instead of 36.
    """
    for axis in (0, 1):
        one_more = [[0, 0]] * 4
        before, after = list(one_more), list(one_more)
        before[axis], after[axis] = [1, 0], [0, 1]
        kernel = (tf.pad(kernel, before) + tf.pad(kernel, after)) / 2
    return kernel


def up_conv(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """x [B, H, W, C], kernel [3, 3, F, C] -> [B, 2H, 2W, F], see `SpectralUpConv2D`."""
    if converting():  # TFLite's own transposed convolution takes several times as long
        return _by_blocks(x, kernel)
    b, h, w, _ = shape(x)
    filters = kernel.shape[2]
    whole = tf.nn.conv2d_transpose(x, kernel, [b, 2 * h + 1, 2 * w + 1, filters], 2, "VALID")
    return tf.slice(whole, [0, 1, 1, 0], [b, 2 * h, 2 * w, filters])


def _by_blocks(x, kernel):
    """The same as one 2x2 convolution whose channels are the pixels of 2x2 blocks of the output."""
    filters, c = kernel.shape[2:]
    taps = tf.constant(_TAPS, kernel.dtype)
    kernels = tf.einsum("aiu,bjv,uvfc->ijcabf", taps, taps, kernel)  # [2, 2, C, 2, 2, F]
    padded = tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]])
    blocks = tf.nn.conv2d(padded, tf.reshape(kernels, [2, 2, c, 4 * filters]), 1, "VALID")
    return tf.nn.depth_to_space(blocks, 2)
