"""Contextual attention: rebuilds a feature map from its own known patches.

Source: Yu et al., Generative Image Inpainting with Contextual Attention, CVPR 2018, section 4, and the code that its authors released,
which settles what the text leaves open. DeepFill v1 and v2 share the layer.

Queries, keys and their scores live at 1 / rate of the resolution; what is copied are patches of 2 * rate at the full one. With
n = H / rate * W / rate, q a query's position and k a key's:

    score       s(q, k) = <p(q), p(k) / max(|p(k)|, 1e-4)>, p the 3x3 neighbourhood; queries are not normalised
    fuse        s'(q, k) = sum over d of s(q + d, k + d) with positions counted row by row, then the same counted column by column:
                neighbours in the output should be neighbours where they come from. Ends of rows run into the next, as released.
    weights     softmax over k of scale * s'(q, k) * known(k), times known(k); a key is known when its whole neighbourhood is
    output      patches weighted, added up where they overlap, over 4. The whole map is rebuilt, known positions too. Where overlaps
                are not 4 (borders) features come out smaller, as released; without a known key they are 0.
"""

import tensorflow as tf

from tfinpaint.layers.custom_gradient import custom_gradient
from tfinpaint.layers.diagonal import diagonal_sum
from tfinpaint.layers.looks import looked
from tfinpaint.layers.making import left_out
from tfinpaint.layers.patches import extract, flat, one_over_norm, products, shape, unit
from tfinpaint.layers.rows import compiled, on_gpu


class ContextualAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        patch_size: odd side of the patches that are compared.
        rate: factor by which queries and keys are reduced.
        fuse: odd number of diagonal neighbours whose scores are added; 1 switches fusing off.
        softmax_scale: the larger, the more the best patch counts.

    Call arguments: `[features, hole]`
        features: [B, H, W, C], H and W multiples of `rate`.
        hole: [B, any, any, 1], 1 where missing, one per picture; brought to H x W by nearest neighbours with aligned corners.

    Returns: [B, H, W, C]; with `return_strongest=True` also where each query looks (the flow of the paper), on a map of H / rate x
        W / rate, see looks.py: with `weights_at`, weights that sum to at most 1, as keys that are not known keep their share.

    Raises: ValueError where H or W is no multiple of `rate`.
    """

    def __init__(self, patch_size=3, rate=2, fuse=3, softmax_scale=10.0, **kwargs):
        super().__init__(**kwargs)
        for name, value in (("patch_size", patch_size), ("fuse", fuse)):
            if value < 1 or value % 2 != 1:
                raise ValueError(f"`{name}` is odd and at least 1. Got {value}")
        if not isinstance(rate, int) or rate < 1:
            raise ValueError(f"`rate` is a whole number, at least 1. Got {rate!r}")
        self.patch_size = patch_size
        self.rate = rate
        self.fuse = fuse
        self.softmax_scale = softmax_scale

    def call(self, inputs, return_strongest=False, weights_at=None):
        if left_out():
            return tf.cast(inputs[0], self.compute_dtype)
        # Softmax and norms need float32 where the layer computes in half precision.
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32
        features, hole = (tf.cast(x, dtype) for x in inputs)
        b, height, width, c = shape(features)
        if any(isinstance(side, int) and side % self.rate for side in (height, width)):
            raise ValueError(f"height and width of the features are multiples of `rate`, {self.rate}. Got {height}x{width}")
        h, w = height // self.rate, width // self.rate
        n = h * w
        small = _aligned_nearest(features, h, w)  # [B, h, w, C]
        hole = _aligned_nearest(_aligned_nearest(hole, height, width), h, w)  # [B, h, w, 1]

        missing = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")  # beyond the border counts as known
        known = tf.reshape(tf.cast(missing <= 0, dtype), [b, 1, n])
        # Depthwise convolutions are fast on CPUs only, and not XLA's.
        by_patches = compiled() or on_gpu()
        scores = self._scores_of_patches(small) if by_patches else self._scores_of_pixels(small)  # [B, n, n]
        if self.fuse > 1:
            scores = _fused(scores, self.fuse)
            scores = _fused(_swap_order(scores, h, w), self.fuse)
            scores = _swap_order(scores, w, h)
        weights = tf.nn.softmax(scores * (known * self.softmax_scale)) * known  # [B, n, n]
        cells = self._cells(features)  # [B, h + 1, w + 1, rate^2 C]
        pasted = self._paste(_sum_of_patches(weights, cells) if by_patches else _sum_of_cells(weights, cells))  # [B, H, W, C]
        filled = tf.cast(pasted / 4, self.compute_dtype)
        if not return_strongest:
            return filled
        return filled, looked(weights, h, w, inputs[1], weights_at)

    def _scores_of_patches(self, small):
        """[B, h, w, C] -> [B, n, n]."""
        queries = extract(small, self.patch_size)  # [B, h, w, P]
        return products(flat(queries), unit(queries))

    def _scores_of_pixels(self, small):
        """The same: a product of patches is a sum of products of pixels, along one axis of queries and keys and then the other."""
        b, h, w, _ = shape(small)
        columns = tf.transpose(small, [0, 2, 1, 3])  # [B, w, h, C]
        scores = tf.reshape(tf.matmul(flat(columns), flat(small), transpose_b=True), [b * w, h, h, w])
        scores = tf.reshape(diagonal_sum(scores, self.patch_size), [b, w, h, h, w])
        scores = tf.reshape(tf.transpose(scores, [0, 2, 1, 4, 3]), [b * h, w, w, h])
        scores = tf.reshape(diagonal_sum(scores, self.patch_size), [b, h * w, w, h])
        scores = tf.reshape(tf.transpose(scores, [0, 1, 3, 2]), [b, h * w, h * w])
        return scores * tf.reshape(one_over_norm(small, self.patch_size), [b, 1, h * w])

    def _cells(self, features):
        """The map in cells of rate x rate pixels, with TensorFlow's 'SAME' padding around it: patches of 2 * rate, `rate` apart, are
        2 x 2 cells, of which there are one more each way than patches. [B, H, W, C] -> [B, h + 1, w + 1, rate^2 C]."""
        r = self.rate
        padded = tf.pad(features, [[0, 0], [r // 2, r - r // 2], [r // 2, r - r // 2], [0, 0]])
        return tf.nn.space_to_depth(padded, r) if r > 1 else padded

    def _paste(self, cells):
        """The adjoint of `_cells`."""
        r, (b, h, w, _) = self.rate, shape(cells)
        padded = tf.nn.depth_to_space(cells, r) if r > 1 else cells  # [B, H + r, W + r, C]
        return tf.slice(padded, [0, r // 2, r // 2, 0], [b, (h - 1) * r, (w - 1) * r, shape(padded)[3]])

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size, "rate": self.rate, "fuse": self.fuse,
                "softmax_scale": self.softmax_scale}


def _sum_of_patches(weights, cells):
    """Weighted patches of 2 x 2 cells, added up where they overlap: weights [B, n, n], cells [B, h + 1, w + 1, D] -> the same."""
    b, h, w, size = shape(cells)
    h, w = h - 1, w - 1
    places = [(i, j) for i in (0, 1) for j in (0, 1)]
    patches = tf.concat([tf.slice(cells, [0, i, j, 0], [b, h, w, size]) for i, j in places], axis=-1)  # [B, h, w, 4 D]
    parts = tf.split(tf.reshape(tf.matmul(weights, flat(patches)), [b, h, w, 4 * size]), 4, axis=-1)
    return tf.add_n([tf.pad(part, [[0, 0], [i, 1 - i], [j, 1 - j], [0, 0]]) for part, (i, j) in zip(parts, places)])


def _sum_of_cells(weights, cells):
    """The same: cell z comes to y with the weights of all patches that bring it there, sum over d of weights(y - d, z - d)."""
    b, h, w, size = shape(cells)
    weights = tf.transpose(tf.reshape(weights, [b, h - 1, w - 1, h - 1, w - 1]), [0, 2, 1, 3, 4])
    weights = diagonal_sum(tf.reshape(weights, [b * (w - 1), h - 1, h - 1, w - 1]), 2, full=True)
    weights = tf.transpose(tf.reshape(weights, [b, w - 1, h, h, w - 1]), [0, 2, 1, 4, 3])
    weights = diagonal_sum(tf.reshape(weights, [b * h, w - 1, w - 1, h]), 2, full=True)  # [B h, w, w, h]
    columns = tf.reshape(tf.transpose(cells, [0, 2, 1, 3]), [b, w * h, size])
    return tf.reshape(tf.matmul(tf.reshape(weights, [b, h * w, w * h]), columns), [b, h, w, size])


def _aligned_nearest(x, height, width):
    """Nearest neighbours with corners aligned, [B, H, W, C] -> [B, height, width, C]: pixel i comes from i (H - 1) / (height - 1)."""
    for axis, size in ((1, height), (2, width)):
        full = shape(x)[axis]
        if isinstance(full, int) and isinstance(size, int) and full == size:
            continue
        # Halves round up. A map of one pixel takes the first, as TensorFlow 1 does.
        place = (2 * tf.range(size) * (full - 1) + (size - 1)) // tf.maximum(2 * (size - 1), 1)
        x = tf.gather(x, tf.minimum(place, full - 1), axis=axis)
    return x


def _fused(scores, taps):
    """Sum over d of scores[q + d, k + d], 0 beyond the matrix: [B, n, n] -> [B, n, n]. It is its own adjoint."""

    @custom_gradient
    def run(scores):
        reach, (b, n, _) = taps // 2, shape(scores)
        padded = tf.pad(scores, [[0, 0], [reach, reach], [reach, reach]])
        total = tf.add_n([tf.slice(padded, [0, i, i], [b, n, n]) for i in range(taps)])
        return total, lambda upstream: _fused(upstream, taps)

    return run(scores)


def _swap_order(scores, h, w):
    """Queries and keys counted column by column instead of row by row: [B, n, n] -> [B, n, n]."""
    b, n, _ = shape(scores)
    return tf.reshape(tf.transpose(tf.reshape(scores, [b, h, w, h, w]), [0, 2, 1, 4, 3]), [b, n, n])
