"""Patches, the neighbourhoods of positions as vectors, and the products and norms of vectors.

Patches are made of slices, so that neither TFLite nor an exported graph needs extract_patches.
"""

import tensorflow as tf

from tfinpaint.layers.custom_gradient import custom_gradient
from tfinpaint.layers.shapes import shape


def extract(x: tf.Tensor, size: int, around: float = 0.0) -> tf.Tensor:
    """The size x size neighbourhood of every position, with `around` beyond the border.

    [B, H, W, C] -> [B, H, W, size^2 * C].
    """
    if size == 1:
        return x

    @custom_gradient  # the gradient of slices would write a whole map for each slice
    def run(x):
        return _extract(x, size, around), lambda upstream: paste(upstream, size)

    return run(x)


def _extract(x, size, around):
    reach, (_, h, w, _) = size // 2, shape(x)
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]], constant_values=around)
    places = [(i, j) for i in range(size) for j in range(size)]
    return tf.concat([padded[:, i : i + h, j : j + w] for i, j in places], axis=-1)


def paste(patches: tf.Tensor, size: int) -> tf.Tensor:
    """Adds up overlapping patches at their places. It is the adjoint of `extract`.

    [B, H, W, size^2 * C] -> [B, H, W, C].
    """
    if size == 1:
        return patches

    @custom_gradient
    def run(patches):
        return _paste(patches, size), lambda upstream: extract(upstream, size)

    return run(patches)


def _paste(patches, size):
    reach, (_, h, w, _) = size // 2, shape(patches)
    parts = tf.split(patches, size * size, axis=-1)
    padded = [tf.pad(p, [[0, 0], [reach, reach], [reach, reach], [0, 0]]) for p in parts]
    # Element (i, j) of the patch centred at x lies at x + (i, j) - reach.
    shifts = [(size - 1 - i, size - 1 - j) for i in range(size) for j in range(size)]
    return tf.add_n([p[:, i : i + h, j : j + w] for p, (i, j) in zip(padded, shifts)])


def box_sum(x: tf.Tensor, size: int, around: float = 0.0) -> tf.Tensor:
    """Sums over size x size windows, `around` beyond the border: [B, H, W, C] -> [B, H, W, C]."""
    if size == 1:
        return x
    reach = size // 2
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]], constant_values=around)
    return tf.nn.avg_pool2d(padded, size, 1, "VALID") * size**2


def products(queries: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
    """Inner products of each query with each key: [B, N, P], [B, H, W, P] -> [B, N, H W].

    The keys are transposed first: in TFLite, a matmul with `transpose_b` is five times as slow.
    """
    b, h, w, p = shape(keys)
    return tf.matmul(queries, tf.reshape(tf.transpose(keys, [0, 3, 1, 2]), [b, p, h * w]))


def unit(x: tf.Tensor) -> tf.Tensor:
    """x divided by its norm along the last axis, see `one_over_norm`; a zero vector stays zero."""
    return x * one_over_norm(x)


def one_over_norm(x: tf.Tensor, size: int = 1) -> tf.Tensor:
    """One over the norm of each size x size patch: [B, H, W, C] -> [B, H, W, 1].

    If size is 1, x may have any shape. A norm counts as at least 1e-4, which bounds the gradient
    where features vanish.
    """
    squares = box_sum(tf.reduce_sum(tf.square(x), -1, keepdims=True), size)
    # Scaling by 2^14 and back is exact. TFLite may store constants as float16, in which 1e-8 would
    # be 0.
    return tf.math.rsqrt(tf.maximum(squares * 2.0**14, 1e-8 * 2.0**14)) * 2.0**7
