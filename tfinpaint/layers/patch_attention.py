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
  official  what the authors released: queries are not normalised; keys are, after adding 1e-7, and serve as values too; missing
            keys stay in as constant vectors; propagation moves the query alone, a box sum; softmax scale 1; pasted / patch_size^2.
"""

import tensorflow as tf

from tfinpaint.layers.patches import extract, paste, shape, unit

_SOFTMAX_SCALE = 10.0  # lambda of equation (7) in `paper`, as in DeepFill
_NO_SCORE = -1e9  # before the softmax: a key that takes no part
_ROWS = 1024  # queries at a time where the size of the map is not known beforehand


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
        background = extract(features * (1 - hole), self.patch_size)  # [B, H, W, P]
        if self.variant == "official":
            keys = background + 1e-7
            values = keys = keys * tf.math.rsqrt(tf.reduce_sum(keys**2, -1, keepdims=True))
            # The sum over shifted queries is linear: taken before the product it costs next to nothing.
            queries = _box_sum(queries, self.propagation)
            bias, any_known = tf.zeros([b, 1, h * w], dtype), True
        else:
            missing = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")  # [B, H, W, 1] a patch with any missing pixel
            queries, keys, values = unit(queries), unit(background) * (1 - missing), background
            bias = tf.reshape(_NO_SCORE * missing, [b, 1, h * w])
            any_known = tf.reduce_any(missing < 1, axis=(1, 2, 3), keepdims=True)

        def flat(x):
            return tf.reshape(x, [b, h * w, x.shape[-1]])  # [B, N, P]

        if not return_strongest and None in features.shape[1:3]:
            asked = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")  # [B, H, W, 1] whose patch covers a missing pixel
            attended = _attend_in_hole(self._scores_of(queries, keys, flat), flat(values), bias, tf.reshape(asked, [b, h * w]))  # [B, N, P]
        else:
            scores = tf.matmul(flat(queries), flat(keys), transpose_b=True)  # (6) [B, N, N]
            if self.variant == "paper":
                scores = _joint_shifts(tf.reshape(scores, [b, h, w, h, w]), self.propagation)  # (8)
                scores = _SOFTMAX_SCALE * tf.reshape(scores, [b, h * w, h * w])
            weights = tf.nn.softmax(scores + bias)  # (7)
            attended = tf.matmul(weights, flat(values))  # [B, N, P]

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

    def _scores_of(self, queries, keys, flat):
        """A function of positions [B, R], as numbers in the flattened map: their scores [B, R, N], ready for the softmax."""
        if self.variant == "paper" and self.patch_size == 1:
            # For pixels, (6) and (8) together are the product of neighbourhoods: the sum over d of q(x + d) k(x' + d).
            queries, keys = extract(_SOFTMAX_SCALE * queries, self.propagation), extract(keys, self.propagation)
        elif self.variant == "paper":
            return lambda rows: _SOFTMAX_SCALE * _shifted_scores(queries, keys, rows, self.propagation)
        queries, keys = flat(queries), flat(keys)
        return lambda rows: tf.matmul(tf.gather(queries, rows, batch_dims=1), keys, transpose_b=True)

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size, "propagation": self.propagation, "variant": self.variant}


def _attend_in_hole(scores_of, values, bias, asked):
    """softmax(scores + bias) values for the rows that are asked for, _ROWS of them at a time; other rows are 0.

    For photographs of any size, whose N x N weights would not fit: scores_of as `PatchAttention._scores_of` makes it, values [B, N, P],
    bias [B, 1, N], asked [B, N] -> [B, N, P]. The number of turns depends on the hole, which XLA cannot compile.
    """
    b, n, _ = shape(values)
    size = tf.minimum(_ROWS, n)
    order = tf.argsort(asked, direction="DESCENDING", stable=True)  # [B, N], those asked for first
    most = tf.reduce_max(tf.math.count_nonzero(asked, axis=1, dtype=tf.int32))

    def turn(k, attended):
        # The last turn reaches back to be full. No turn has a row twice: the gradient of the scatter would count it twice.
        rows = tf.slice(order, [0, tf.minimum(k, n - size)], tf.stack([b, size]))  # [B, _ROWS]
        weights = tf.nn.softmax(scores_of(rows) + bias)  # [B, _ROWS, N]
        image = tf.broadcast_to(tf.range(b)[:, None], tf.shape(rows))
        return k + _ROWS, tf.tensor_scatter_nd_update(attended, tf.stack([image, rows], -1), tf.matmul(weights, values))

    return tf.while_loop(lambda k, _: k < most, turn, [0, tf.zeros_like(values)], parallel_iterations=1)[1]


def _shifted_scores(queries, keys, rows, taps):
    """Equation (8) for some queries: the sum over shifts d of q(x + d) k(x' + d), without the scores of all queries.

    queries, keys [B, H, W, P], rows [B, R] -> [B, R, N].
    """
    reach, (b, h, w, size) = taps // 2, shape(keys)
    around = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
    wide = w + 2 * reach
    queries = tf.reshape(tf.pad(queries, around), [b, (h + 2 * reach) * wide, size])
    total = 0.0
    for i in range(taps):
        for j in range(taps):
            shifted = tf.gather(queries, (rows // w + i) * wide + rows % w + j, batch_dims=1)  # [B, R, P]
            scores = tf.matmul(shifted, tf.reshape(keys, [b, h * w, size]), transpose_b=True)  # [B, R, N]
            scores = tf.pad(tf.reshape(scores, [b, -1, h, w]), around[:1] + around[:1] + around[1:3])
            total += scores[:, :, i:i + h, j:j + w]
    return tf.reshape(total, [b, -1, h * w])


def _reduce_hole(hole, h, w, variant):
    """[B, r * h, r * w, 1] -> [B, h, w, 1]."""
    b, full_h, full_w, _ = shape(hole)
    if all(isinstance(n, int) for n in (h, w, full_h, full_w)) and (full_h % h or full_w % w):
        raise ValueError(f"the hole's size is a whole multiple of the features'. Got {full_h}x{full_w} and {h}x{w}")
    cells = tf.reshape(hole, [b, h, full_h // h, w, full_w // w])
    cells = tf.reduce_max(cells, axis=(2, 4)) if variant == "paper" else cells[:, :, 0, :, 0]
    return cells[..., None]


def _box_sum(x, taps):
    """Sum over a taps x taps window, zero beyond the border: [B, H, W, C] -> [B, H, W, C]."""
    reach, (_, h, w, _) = taps // 2, shape(x)
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    rows = tf.add_n([padded[:, i:i + h] for i in range(taps)])
    return tf.add_n([rows[:, :, j:j + w] for j in range(taps)])


def _joint_shifts(scores, taps):
    """Equation (8): s'(x, x') = sum over shifts d of s(x + d, x' + d), 0 beyond the border. [B, H, W, H, W] -> the same.

    The two-dimensional sum is separable: first the rows of query and key together, then their columns.
    """
    reach = taps // 2
    for axis in (1, 2):
        size = shape(scores)
        padding = [[reach, reach] if k in (axis, axis + 2) else [0, 0] for k in range(5)]
        padded = tf.pad(scores, padding)
        starts = [[i if k in (axis, axis + 2) else 0 for k in range(5)] for i in range(taps)]
        scores = tf.add_n([tf.slice(padded, start, size) for start in starts])
    return scores
