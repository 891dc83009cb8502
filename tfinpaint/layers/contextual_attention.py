"""Attention from the hole to the known background, on pixels or patches, and the block built on it.

Sources
  [1] Wang et al., Multistage attention network for image inpainting, Pattern Recognition 2020: equations (6)-(8), (12).
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

from tfinpaint.layers.squeeze_excite import SqueezeExcite

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
        b, h, w, c = _shape(features)
        hole = tf.cast(_reduce_hole(inputs[1], h, w, self.variant), dtype)  # [B, H, W, 1]
        queries = _patches(features, self.patch_size)  # [B, H, W, P]
        background = _patches(features * (1 - hole), self.patch_size)  # [B, H, W, P]
        if self.variant == "official":
            keys = background + 1e-7
            values = keys = keys * tf.math.rsqrt(tf.reduce_sum(keys**2, -1, keepdims=True))
            # The sum over shifted queries is linear: taken before the product it costs next to nothing.
            queries = _box_sum(queries, self.propagation)
            bias, any_known = tf.zeros([b, 1, h * w], dtype), True
        else:
            missing = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")  # [B, H, W, 1] a patch with any missing pixel
            queries, keys, values = _unit(queries), _unit(background) * (1 - missing), background
            bias = tf.reshape(_NO_SCORE * missing, [b, 1, h * w])
            any_known = tf.reduce_any(missing < 1, axis=(1, 2, 3), keepdims=True)

        def flat(x):
            return tf.reshape(x, [b, h * w, x.shape[-1]])  # [B, N, P]

        if self.patch_size == 1 and not return_strongest and None in features.shape[1:3]:
            if self.variant == "paper":
                # For pixels, (6) and (8) together are the product of neighbourhoods: the sum over d of q(x + d) k(x' + d).
                queries, keys = _patches(_SOFTMAX_SCALE * queries, self.propagation), _patches(keys, self.propagation)
            attended = _attend_in_hole(flat(queries), flat(keys), flat(values), bias, tf.reshape(hole, [b, h * w]))  # [B, N, C]
        else:
            scores = tf.matmul(flat(queries), flat(keys), transpose_b=True)  # (6) [B, N, N]
            if self.variant == "paper":
                scores = _joint_shifts(tf.reshape(scores, [b, h, w, h, w]), self.propagation)  # (8)
                scores = _SOFTMAX_SCALE * tf.reshape(scores, [b, h * w, h * w])
            weights = tf.nn.softmax(scores + bias)  # (7)
            attended = tf.matmul(weights, flat(values))  # [B, N, P]

        attended = _paste(tf.reshape(attended, [b, h, w, self.patch_size**2 * c]), self.patch_size)  # [B, H, W, C]
        if self.variant == "official":
            attended /= self.patch_size**2
        else:
            attended /= _paste(tf.ones([1, h, w, self.patch_size**2], dtype), self.patch_size)
        filled = tf.cast(tf.where(tf.logical_and(hole > 0, any_known), attended, features), self.compute_dtype)
        if not return_strongest:
            return filled
        best = tf.reshape(tf.argmax(weights, axis=-1, output_type=tf.int32), [b, h, w])
        return filled, tf.stack([best // w, best % w], axis=-1)

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size, "propagation": self.propagation, "variant": self.variant}


class MultistageAttention(tf.keras.layers.Layer):
    """One stage of the multistage attention: pixel-wise attention, then a fusion of what was and what was found, (9)-(12) of [1].

    Args:
        variant: "paper" or "official", see the top of the file.

    Call arguments and returns are PatchAttention's; the fusion changes features outside the hole too.

    Sub-layers: `attention` (PatchAttention), `squeeze_excite` over [features, attended], `merge` (1x1 convolution back to C).
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant
        self.attention = PatchAttention(patch_size=1, propagation=3, variant=variant, name="attention", dtype=self.dtype_policy)
        self.squeeze_excite = SqueezeExcite(name="squeeze_excite", dtype=self.dtype_policy)

    def build(self, input_shape):
        channels = int(input_shape[0][-1])
        self.merge = tf.keras.layers.Conv2D(channels, 1, name="merge", dtype=self.dtype_policy)
        for layer in (self.squeeze_excite, self.merge):
            with tf.name_scope(layer.name):
                layer.build((None, None, None, 2 * channels))
        super().build(input_shape)

    def call(self, inputs, return_strongest=False):
        features, hole = inputs
        attended, look = self.attention([features, hole], return_strongest=True) if return_strongest else (self.attention(inputs), None)
        both = tf.concat([tf.cast(features, attended.dtype), attended], axis=-1)  # [B, H, W, 2C]
        merged = self.merge(self.squeeze_excite(both))  # [B, H, W, C]  (12)
        return (merged, look) if return_strongest else merged

    def get_config(self):
        return {**super().get_config(), "variant": self.variant}


def _attend_in_hole(queries, keys, values, bias, hole):
    """softmax(queries keys^T + bias) values for the rows that are hole, _ROWS of them at a time; other rows are 0.

    For photographs of any size, whose N x N weights would not fit: queries and keys [B, N, D], values [B, N, C], bias [B, 1, N],
    hole [B, N] -> [B, N, C]. The number of turns depends on the hole, which XLA cannot compile.
    """
    b, n, _ = _shape(queries)
    size = tf.minimum(_ROWS, n)
    order = tf.argsort(hole, direction="DESCENDING", stable=True)  # [B, N], hole first
    most = tf.reduce_max(tf.math.count_nonzero(hole, axis=1, dtype=tf.int32))

    def turn(k, attended):
        # The last turn reaches back to be full. No turn has a row twice: the gradient of the scatter would count it twice.
        rows = tf.slice(order, [0, tf.minimum(k, n - size)], tf.stack([b, size]))  # [B, _ROWS]
        weights = tf.nn.softmax(tf.matmul(tf.gather(queries, rows, batch_dims=1), keys, transpose_b=True) + bias)  # [B, _ROWS, N]
        image = tf.broadcast_to(tf.range(b)[:, None], tf.shape(rows))
        return k + _ROWS, tf.tensor_scatter_nd_update(attended, tf.stack([image, rows], -1), tf.matmul(weights, values))

    return tf.while_loop(lambda k, _: k < most, turn, [0, tf.zeros_like(values)], parallel_iterations=1)[1]


def _shape(x):
    """The sizes of x: numbers where the graph knows them, tensors elsewhere."""
    dynamic = tf.shape(x)
    return [dynamic[k] if n is None else n for k, n in enumerate(x.shape)]


def _reduce_hole(hole, h, w, variant):
    """[B, r * h, r * w, 1] -> [B, h, w, 1]."""
    b, full_h, full_w, _ = _shape(hole)
    if all(isinstance(n, int) for n in (h, w, full_h, full_w)) and (full_h % h or full_w % w):
        raise ValueError(f"the hole's size is a whole multiple of the features'. Got {full_h}x{full_w} and {h}x{w}")
    cells = tf.reshape(hole, [b, h, full_h // h, w, full_w // w])
    cells = tf.reduce_max(cells, axis=(2, 4)) if variant == "paper" else cells[:, :, 0, :, 0]
    return cells[..., None]


def _patches(x, size):
    """The size x size neighbourhood of every position, zero beyond the border: [B, H, W, C] -> [B, H, W, size^2 * C]."""
    if size == 1:
        return x
    reach, (_, h, w, _) = size // 2, _shape(x)
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    return tf.concat([padded[:, i:i + h, j:j + w] for i in range(size) for j in range(size)], axis=-1)


def _paste(patches, size):
    """Adds overlapping patches up at their places, the adjoint of `_patches`: [B, H, W, size^2 * C] -> [B, H, W, C]."""
    if size == 1:
        return patches
    reach, (_, h, w, _) = size // 2, _shape(patches)
    parts = tf.split(patches, size * size, axis=-1)
    padded = [tf.pad(p, [[0, 0], [reach, reach], [reach, reach], [0, 0]]) for p in parts]
    # Element (i, j) of the patch centred at x lies at x + (i, j) - reach.
    places = [(i, j) for i in range(size) for j in range(size)]
    return tf.add_n([p[:, size - 1 - i:size - 1 - i + h, size - 1 - j:size - 1 - j + w] for p, (i, j) in zip(padded, places)])


def _box_sum(x, taps):
    """Sum over a taps x taps window, zero beyond the border: [B, H, W, C] -> [B, H, W, C]."""
    reach, (_, h, w, _) = taps // 2, _shape(x)
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]])
    rows = tf.add_n([padded[:, i:i + h] for i in range(taps)])
    return tf.add_n([rows[:, :, j:j + w] for j in range(taps)])


def _joint_shifts(scores, taps):
    """Equation (8): s'(x, x') = sum over shifts d of s(x + d, x' + d), 0 beyond the border. [B, H, W, H, W] -> the same.

    The two-dimensional sum is separable: first the rows of query and key together, then their columns.
    """
    reach = taps // 2
    for axis in (1, 2):
        size = _shape(scores)
        padding = [[reach, reach] if k in (axis, axis + 2) else [0, 0] for k in range(5)]
        padded = tf.pad(scores, padding)
        starts = [[i if k in (axis, axis + 2) else 0 for k in range(5)] for i in range(taps)]
        scores = tf.add_n([tf.slice(padded, start, size) for start in starts])
    return scores


def _unit(x):
    """x over its norm along the last axis; a zero vector stays zero. The floor bounds the gradient where features vanish."""
    return x * tf.math.rsqrt(tf.maximum(tf.reduce_sum(x**2, -1, keepdims=True), 1e-8))
