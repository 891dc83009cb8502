"""Attention from the hole to the known background, on pixels or patches.

Sources
  [1] Wang et al., Multistage attention network for image inpainting, Pattern Recognition 2020: equations (6)-(8).
  [2] Wang et al., MUSICAL: multi-scale image contextual attention learning, IJCAI 2019: equations (1)-(3).

Every position of the map is a query; keys and values are patches of the known background. All is written as batched matrix
products, so each picture of a batch has its own hole. N = H * W positions, P = patch_size^2 * C elements of a patch.

What the variants settle
  paper     cosine of both sides; a key with any missing pixel takes no part; the scores are propagated by joint shifts (8)
            before the softmax (after it, as printed, weights would not sum to 1), whose scale lambda is 10 (the text gives none);
            raw patches are pasted and averaged over their overlap. A picture with no known key comes back as it was.
  official  what the authors released: queries are not normalised; keys are, after adding _OFFSET, and serve as values too; missing
            keys stay in as constant vectors; propagation moves the query alone, a box sum; softmax scale 1; pasted / patch_size^2.
"""

import tensorflow as tf

from tfinpaint.layers import rows as lists
from tfinpaint.layers.patches import box_sum, extract, paste, shape, unit

_SOFTMAX_SCALE = 10.0  # lambda of equation (7) in `paper`, as in DeepFill
_OFFSET = 1e-7  # of keys in `official`
_NO_SCORE = -1e9  # before the softmax: a key that takes no part
_AT_ONCE = 2**24  # scores that are held at a time where the size of the map is not known beforehand: 64 MiB


class PatchAttention(tf.keras.layers.Layer):
    """Replaces the features in the hole by a weighted mean of known ones that look alike.

    Args:
        patch_size: odd side of the patches that are compared and pasted.
        propagation: odd number of shifts per axis over which scores are summed; 1 switches propagation off.
        variant: "paper" or "official", see the top of the file.

    Call arguments: `[features, hole]`
        features: [B, H, W, C].
        hole: [B, r * H, r * W, 1], 1 where missing, for a whole r: a cell of the map is missing when any of its pixels is
            (`paper`), or when its top-left pixel is (`official`).

    Returns: [B, H, W, C], equal to `features` outside the hole; with `return_strongest=True` also where each position looks: int32
        [B, H, W, 2], row and column of the key of largest weight.

    Raises: ValueError where the sizes of hole and features do not divide.
    """

    def __init__(self, patch_size=1, propagation=3, variant="paper", **kwargs):
        super().__init__(**kwargs)
        for name, value in (("patch_size", patch_size), ("propagation", propagation)):
            if value < 1 or value % 2 != 1:
                raise ValueError(f"`{name}` is odd and at least 1. Got {value}")
        if variant not in ("paper", "official"):
            raise ValueError(f"`variant` is paper or official. Got {variant!r}")
        self.patch_size = patch_size
        self.propagation = propagation
        self.variant = variant

    def call(self, inputs, return_strongest=False):
        # Softmax and norms need float32 where the layer computes in half precision.
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32
        features = tf.cast(inputs[0], dtype)
        b, h, w, c = shape(features)
        hole = tf.cast(_reduce_hole(inputs[1], h, w, self.variant), dtype)  # [B, H, W, 1]
        queries = extract(features, self.patch_size)  # [B, H, W, P]
        background = features * (1 - hole)  # [B, H, W, C]
        covers = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")  # [B, H, W, 1] patches with any missing pixel
        if self.variant == "official":
            background += _OFFSET
            squares = box_sum(tf.reduce_sum(background**2, -1, keepdims=True), self.patch_size, c * _OFFSET**2)  # [B, H, W, 1]
            values = keys = extract(background, self.patch_size, _OFFSET) * tf.math.rsqrt(squares)  # [B, H, W, P]
            # The sum over shifted queries is linear: taken before the product it costs next to nothing.
            queries = box_sum(queries, self.propagation)
            any_known = True
        else:
            values = extract(background, self.patch_size)  # [B, H, W, P]
            queries, keys = unit(queries), unit(values) * (1 - covers)
            any_known = tf.reduce_any(covers < 1, axis=(1, 2, 3), keepdims=True)

        queries, keys, values = (tf.reshape(x, [b, h * w, x.shape[-1]]) for x in (queries, keys, values))  # [B, N, P]
        if return_strongest or lists.compiled():
            scores = tf.matmul(queries, keys, transpose_b=True)  # (6) [B, N, N]
            if self.variant == "paper":
                scores = _SOFTMAX_SCALE * _joint_shifts(scores, h, w, self.propagation)  # (8)
                scores += tf.reshape(_NO_SCORE * covers, [b, 1, h * w])
            weights = tf.nn.softmax(scores)  # (7)
            attended = tf.matmul(weights, values)  # [B, N, P]
        else:
            attended = self._attend_in_hole(queries, keys, keys if self.variant == "official" else values, hole, covers)  # [B, N, P]

        attended = paste(tf.reshape(attended, [b, h, w, self.patch_size**2 * c]), self.patch_size)  # [B, H, W, C]
        if self.variant == "official":
            attended /= self.patch_size**2
        else:
            attended /= paste(tf.ones([1, h, w, self.patch_size**2], dtype), self.patch_size)
        filled = tf.cast(tf.where(tf.logical_and(hole > 0, any_known), attended, features), self.compute_dtype)
        if not return_strongest:
            return filled
        best = tf.reshape(tf.argmax(weights, axis=-1, output_type=tf.int32), [b, h, w])
        return filled, tf.stack([best // w, best % w], axis=-1)

    def _attend_in_hole(self, queries, keys, values, hole, covers):
        """The same for the queries whose patch covers a missing pixel; others come as 0. All at once where the size of the map is known;
        else some at a time, for photographs of any size, whose weights would not fit."""
        b, h, w, _ = shape(covers)
        n = h * w
        order, most = lists.listed(tf.reshape(covers > 0, [b, n]))
        if self.variant == "paper" and self.patch_size > 1:
            scores_of, bias = self._propagated(queries, keys, (h, w)), _NO_SCORE * tf.reshape(covers, [b, n])
        else:
            if self.variant == "official":
                bias = _once(tf.reshape(tf.nn.max_pool2d(1 - hole, self.patch_size, 1, "SAME") <= 0, [b, n]))
            else:
                # For pixels, (6) and (8) together are the product of neighbourhoods: the sum over d of q(x + d) k(x' + d).
                maps = (tf.reshape(x, [b, h, w, x.shape[-1]]) for x in (_SOFTMAX_SCALE * queries, keys))
                queries, keys = (tf.reshape(extract(x, self.propagation), [b, n, self.propagation**2 * x.shape[-1]]) for x in maps)
                bias = _NO_SCORE * tf.reshape(covers, [b, n])
            keys, values, bias = _counting(keys, values, bias)

            def scores_of(rows):
                return tf.matmul(tf.gather(queries, rows, batch_dims=1), keys, transpose_b=True)

        def attend(rows):
            scores = scores_of(rows)  # [B, R, K]
            weights = tf.nn.softmax(scores + tf.cast(bias, scores.dtype)[:, tf.newaxis])
            return tf.matmul(weights, values)  # [B, R, P]

        if None not in covers.shape[1:3]:
            rows = order[:, :most]
            return lists.put_back(attend(rows), rows, n)
        size = tf.maximum(_AT_ONCE // (b * n), 1)
        turns = (most + size - 1) // size
        size = (most + turns - 1) // turns

        def turn(k, attended):
            # The last turn reaches back to be full. No turn has a row twice: the gradient of the scatter would count it twice.
            rows = tf.slice(order, [0, tf.minimum(k, n - size)], tf.stack([b, size]))
            return k + size, tf.tensor_scatter_nd_update(attended, lists.places(rows), attend(rows))

        nothing = tf.zeros(tf.stack([b, n, values.shape[-1]]), values.dtype)
        return tf.while_loop(lambda k, _: k < most, turn, [0, nothing], parallel_iterations=1)[1]

    def _propagated(self, queries, keys, size):
        """A function of rows [B, R]: their scores [B, R, N], those of their neighbours added (8). Queries and keys [B, N, P], size (H, W)."""

        def scores_of(rows):
            # Products of the rows and of their neighbours, once each; then the sum, one axis after the other.
            chosen = tf.reshape(lists.marked(rows, size[0] * size[1]), [-1, *size, 1])
            beside, near = (tf.nn.max_pool2d(chosen, (k, self.propagation), 1, "SAME") for k in (1, self.propagation))
            beside, near = (order[:, :most] for order, most in (lists.listed(tf.reshape(x > 0, tf.shape(keys)[:2])) for x in (beside, near)))
            scores = tf.matmul(_SOFTMAX_SCALE * tf.gather(queries, near, batch_dims=1), keys, transpose_b=True)
            scores = lists.shifted_sum(scores, near, beside, size, 0, self.propagation)
            return lists.shifted_sum(scores, beside, rows, size, 1, self.propagation)

        return scores_of

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size, "propagation": self.propagation, "variant": self.variant}


def _once(alike):
    """Of keys that are all the same (bool [B, N]) the first stands for all: what is added to scores [B, N]."""
    number = tf.cumsum(tf.cast(alike, tf.float32), axis=1)
    return tf.where(alike, tf.where(number < 1.5, tf.math.log(tf.maximum(number[:, -1:], 1)), _NO_SCORE), 0.0)


def _counting(keys, values, bias):
    """Keys, values [B, N, P] and what is added to their scores [B, N], without most keys that have no weight: [B, K, P], [B, K]."""
    order, most = lists.listed(bias > _NO_SCORE)
    rows = order[:, :most]
    chosen = tf.gather(keys, rows, batch_dims=1)
    return chosen, chosen if values is keys else tf.gather(values, rows, batch_dims=1), tf.gather(bias, rows, batch_dims=1)


def _reduce_hole(hole, h, w, variant):
    """[B, r * h, r * w, 1] -> [B, h, w, 1]."""
    b, full_h, full_w, _ = shape(hole)
    if all(isinstance(n, int) for n in (h, w, full_h, full_w)) and (full_h % h or full_w % w):
        raise ValueError(f"the hole's size is a whole multiple of the features'. Got {full_h}x{full_w} and {h}x{w}")
    cells = tf.reshape(hole, [b, h, full_h // h, w, full_w // w])
    cells = tf.reduce_max(cells, axis=(2, 4)) if variant == "paper" else cells[:, :, 0, :, 0]
    return cells[..., None]


def _joint_shifts(scores, h, w, taps):
    """Equation (8): s'(x, x') = sum over shifts d of s(x + d, x' + d), 0 beyond the border. [B, N, N] -> the same.

    The two-dimensional sum is separable: first the rows of query and key together, then their columns. It is its own adjoint.
    """

    @tf.custom_gradient
    def run(scores):
        reach, (b, n, _) = taps // 2, shape(scores)
        total = tf.reshape(scores, [b, h, w, h, w])
        for axis in (1, 2):
            size = shape(total)
            padding = [[reach, reach] if k in (axis, axis + 2) else [0, 0] for k in range(5)]
            padded = tf.pad(total, padding)
            starts = [[i if k in (axis, axis + 2) else 0 for k in range(5)] for i in range(taps)]
            total = tf.add_n([tf.slice(padded, start, size) for start in starts])
        return tf.reshape(total, [b, n, n]), lambda upstream: _joint_shifts(upstream, h, w, taps)

    return run(scores)
