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

import functools
import operator

import tensorflow as tf

from tfinpaint.layers import rows as lists
from tfinpaint.layers.custom_gradient import custom_gradient
from tfinpaint.layers.diagonal import diagonal_sum
from tfinpaint.layers.looks import looked
from tfinpaint.layers.making import left_out
from tfinpaint.layers.patches import box_sum, extract, flat, one_over_norm, paste, products, shape

_SOFTMAX_SCALE = 10.0  # lambda of equation (7) in `paper`, as in DeepFill
_OFFSET = 1e-7  # of keys in `official`
_NO_SCORE = -1e9  # before the softmax: a key that takes no part
# Where the graph knows the sizes and all maps up to these would fit, all queries of the hole are taken at once; else some at a time.
_LARGE = 2**13  # positions of a map
_MOST = 2**29  # scores of a batch, all hole: 2 GiB
_AT_ONCE = 2**25  # scores of a turn: 128 MiB


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

    Returns: [B, H, W, C], equal to `features` outside the hole; with `return_strongest=True` also where each position looks, see
        looks.py: with `weights_at`, weights of patches that sum to 1 (`paper`: to 0 in a picture with no known key, which comes back).

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

    def call(self, inputs, return_strongest=False, weights_at=None):
        if left_out():
            return tf.cast(inputs[0], self.compute_dtype)
        # Softmax and norms need float32 where the layer computes in half precision.
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32
        features = tf.cast(inputs[0], dtype)
        b, h, w, c = shape(features)
        hole = tf.cast(_reduce_hole(inputs[1], h, w, self.variant), dtype)  # [B, H, W, 1]
        background = features * (1 - hole)  # [B, H, W, C]
        covers = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")  # [B, H, W, 1] patches with any missing pixel
        small = isinstance(h, int) and isinstance(w, int) and h * w <= _LARGE
        if return_strongest or lists.compiled() or small and lists.on_gpu():
            attended, weights = self._attend_everywhere(features, background, covers)
        else:
            attended = self._attend_in_hole(features, background, hole, covers)  # [B, H, W, C]
        possible = hole > 0
        if self.variant == "paper":
            possible = tf.logical_and(possible, tf.reduce_any(covers < 1, axis=(1, 2, 3), keepdims=True))
        filled = tf.cast(tf.where(possible, attended, features), self.compute_dtype)
        if not return_strongest:
            return filled
        if self.variant == "paper":
            weights *= tf.reshape(1 - covers, [b, 1, h * w])  # changes them where no key is known only
        return filled, looked(weights, h, w, inputs[1], weights_at)

    def _attend_everywhere(self, features, background, covers):
        """For every position: what it is replaced with [B, H, W, C] and its weights [B, N, N]."""
        b, h, w, c = shape(features)
        if self.variant == "official":
            queries, keys = self._official(features, background)  # [B, H, W, P]
            weights = tf.nn.softmax(products(flat(queries), keys))  # [B, N, N]
            attended = tf.reshape(tf.matmul(weights, flat(keys)), [b, h, w, self.patch_size**2 * c])
            return self._average(paste(attended, self.patch_size)), weights
        # Of pixels, as in `_attend_by_pixels`.
        scores = _joint_shifts(products(flat(features), background), h, w, self.patch_size)  # [B, N, N]
        scores *= flat(_SOFTMAX_SCALE * one_over_norm(features, self.patch_size))
        scores *= tf.reshape(one_over_norm(background, self.patch_size) * (1 - covers), [b, 1, h * w])  # (6), times lambda
        scores = _joint_shifts(scores, h, w, self.propagation)  # (8)
        weights = tf.nn.softmax(scores + tf.reshape(_NO_SCORE * covers, [b, 1, h * w]))  # (7)
        attended = tf.matmul(_joint_shifts(weights, h, w, self.patch_size), flat(background))
        return self._average(tf.reshape(attended, [b, h, w, c])), weights

    def _official(self, features, background):
        """Queries and keys [B, H, W, P] as released; the keys are the values, too."""
        # The sum over shifted queries is linear: taken before the product it costs next to nothing.
        queries = box_sum(extract(features, self.patch_size), self.propagation)  # [B, H, W, P]
        background += _OFFSET
        squares = tf.reduce_sum(background**2, -1, keepdims=True)
        squares = box_sum(squares, self.patch_size, shape(features)[3] * _OFFSET**2)  # [B, H, W, 1]
        return queries, extract(background, self.patch_size, _OFFSET) * tf.math.rsqrt(squares)

    def _average(self, pasted):
        """Patches that were added up at their places [B, H, W, C], over their number."""
        if self.variant == "official":
            return pasted / self.patch_size**2
        return pasted / box_sum(tf.ones_like(pasted[:1, ..., :1]), self.patch_size)

    def _attend_in_hole(self, features, background, hole, covers):
        """What the positions in the hole are replaced with [B, H, W, C]; others come as anything."""
        b, h, w, c = shape(features)
        if self.variant == "official":
            queries, keys = (flat(x) for x in self._official(features, background))  # [B, N, P]
            keys, bias = _merged(keys, tf.reshape(tf.nn.max_pool2d(1 - hole, self.patch_size, 1, "SAME") <= 0, [b, h * w]))

            def attend(rows):
                scores = tf.matmul(tf.gather(queries, rows, batch_dims=1), keys, transpose_b=True)  # [B, R, K]
                return tf.matmul(tf.nn.softmax(scores + bias), keys)  # [B, R, P]

            # The patches that cover a missing pixel are pasted. (Others that come along cover none, and change nothing in the hole.)
            asked = tf.reshape(covers > 0, [b, h * w])
            found = _for_rows(attend, asked, asked, self.patch_size**2 * c, features.dtype)
            return self._average(paste(tf.reshape(found, [b, h, w, self.patch_size**2 * c]), self.patch_size))

        def attend(rows):
            return self._attend_by_pixels(features, background, covers, rows)  # [B, R, C]

        # The first list has positions as far away as all sums together reach.
        wide = tf.nn.max_pool2d(hole, 2 * (2 * (self.patch_size // 2) + self.propagation // 2) + 1, 1, "SAME")
        asked, listed = (tf.reshape(x > 0, [b, h * w]) for x in (hole, wide))
        found = _for_rows(attend, asked, listed, c, features.dtype)
        return self._average(tf.reshape(found, [b, h, w, c]))

    def _attend_by_pixels(self, features, background, covers, rows):
        """The `paper` variant for some positions [B, R]: the sum of the patches that cover each [B, R, C].

        A product of patches is a sum of products of pixels, q(x + d) k(x' + d) over d, as (8) is a sum of scores. So is the sum of
        the patches that cover a pixel, weighted: of weights instead of scores. All of them are taken one axis after the other
        (rows.py, diagonal.py), of the positions alone that the next sum asks for. The lists of positions, and the sums over each:

            first     along columns   pixels' scores to patches'
            scored    along rows      the same; then neighbours' scores (8)
            weighted  along columns   neighbours' scores; then, after the softmax, weights of patches to those of pixels
            pasted    along rows      the same

        Where a patch is a pixel, the first list and the last are not needed.
        """
        b, h, w, c = shape(features)
        n, size, taps = h * w, self.patch_size, self.propagation
        reach, beyond = size // 2 + taps // 2, max(size, taps) // 2

        def listed(x, rows):  # [B, H, W, C] -> [B, R, C]
            return tf.gather(tf.pad(flat(x), [[0, 0], [0, 1], [0, 0]]), rows, batch_dims=1)

        def product(rows, keys):
            return tf.reshape(tf.matmul(listed(features, rows), flat(keys), transpose_b=True), [b, -1, *shape(keys)[1:3]])  # [B, R, H, W]

        def swap(x):  # columns first
            return tf.transpose(x, [0, 2, 1, 3])

        # From the last list to the first; `near` is what the next one has to reach.
        wanted = tf.reshape(tf.scatter_nd(lists.places(rows), tf.ones_like(rows), [b, n]) > 0, [b, h, w])
        if size > 1:
            pasted, wanted = lists.line_up(wanted, 1, size // 2, beyond)
        weighted, near = lists.line_up(wanted, 0, reach, beyond)
        scored, near = lists.line_up(near, 1, reach, beyond)

        if size > 1:
            first, _ = lists.line_up(near, 0, size // 2, beyond)
            scores = diagonal_sum(product(first, background), size)  # [B, R, H, W]
            scores = diagonal_sum(lists.move(scores, first, scored, n), size)  # [B, R, W, H], products of patches
        else:
            scores = product(scored, swap(background))  # [B, R, W, H]
        scores *= listed(_SOFTMAX_SCALE * one_over_norm(features, self.patch_size), scored)[..., tf.newaxis]
        scores *= tf.reshape(swap(one_over_norm(background, self.patch_size) * (1 - covers)), [b, 1, w, h])  # (6), times lambda
        scores = diagonal_sum(scores, taps)
        scores = diagonal_sum(lists.move(scores, scored, weighted, n), taps)  # (8) [B, R, H, W]
        weights = tf.nn.softmax(tf.reshape(scores, [b, -1, n]) + tf.reshape(_NO_SCORE * covers, [b, 1, n]))  # (7)
        values, last = background, weighted
        if size > 1:
            weights *= tf.cast(weighted < n, weights.dtype)[..., tf.newaxis]
            weights = diagonal_sum(tf.reshape(weights, [b, -1, h, w]), size)
            weights = diagonal_sum(lists.move(weights, weighted, pasted, n), size)  # [B, R, W, H]
            weights, last, values = tf.reshape(weights, [b, -1, n]), pasted, swap(values)
        found = tf.matmul(weights, flat(values))  # [B, R, C]
        place = tf.scatter_nd(lists.places(last), tf.broadcast_to(tf.range(tf.shape(last)[1]), tf.shape(last)), [b, n + 1])
        return tf.gather(found, tf.gather(place, rows, batch_dims=1), batch_dims=1)

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size, "propagation": self.propagation, "variant": self.variant}


def _reduce_hole(hole, h, w, variant):
    """[B, r * h, r * w, 1] -> [B, h, w, 1]."""
    b, full_h, full_w, _ = shape(hole)
    if all(isinstance(n, int) for n in (h, w, full_h, full_w)) and (full_h % h or full_w % w):
        raise ValueError(f"the hole's size is a whole multiple of the features'. Got {full_h}x{full_w} and {h}x{w}")
    cells = tf.reshape(hole, [b, h, full_h // h, w, full_w // w])
    cells = tf.reduce_max(cells, axis=(2, 4)) if variant == "paper" else cells[:, :, 0, :, 0]
    return tf.expand_dims(cells, -1)  # TFLite takes no other way for maps of any size


def _for_rows(attend, asked, listed, channels, dtype):
    """attend(rows [B, R]) [B, R, channels] for the positions that are asked for (bool [B, N]): [B, N, channels]; others anything.

    listed: bool [B, N], the positions whose scores it takes to answer all. All at once where maps are known to be small; else some at a
    time, as for photographs of any size, whose scores would not fit.
    """
    b, n = shape(asked)
    order, most = lists.listed(asked)
    if isinstance(b, int) and isinstance(n, int) and n <= _LARGE and b * n * n <= _MOST:
        rows = order[:, :most]
        return lists.put_back(attend(rows), rows, n)
    wider = tf.maximum(tf.reduce_max(tf.reduce_sum(tf.cast(listed, tf.int32), axis=1)), most)
    size = tf.maximum(tf.maximum(_AT_ONCE // tf.maximum(b * n, 1), 1) * most // wider, 1)
    turns = (most + size - 1) // size
    size = (most + turns - 1) // turns

    def turn(k, found):
        # The last turn reaches back to be full. No turn has a row twice: the gradient of the scatter would count it twice.
        rows = tf.slice(order, [0, tf.minimum(k, n - size)], tf.stack([b, size]))
        return k + size, tf.tensor_scatter_nd_update(found, lists.places(rows), attend(rows))

    nothing = tf.zeros(tf.stack([b, n, channels]), dtype)
    return tf.while_loop(lambda k, _: k < most, turn, [0, nothing], parallel_iterations=1)[1]


def _merged(keys, alike):
    """Keys [B, N, P] without most of those that are all the same (bool [B, N]): [B, K, P]; and what is added to their scores [B, 1, K].

    One of them stands for all, by the logarithm of their number.
    """
    number = tf.cumsum(tf.cast(alike, keys.dtype), axis=1)
    bias = tf.where(alike, tf.where(number < 1.5, tf.math.log(tf.maximum(number[:, -1:], 1)), _NO_SCORE), 0.0)  # [B, N]
    order, most = lists.listed(bias > _NO_SCORE)
    rows = order[:, :most]
    return tf.gather(keys, rows, batch_dims=1), tf.gather(bias, rows, batch_dims=1)[:, tf.newaxis]


def _joint_shifts(scores, h, w, taps):
    """Equation (8): s'(x, x') = sum over shifts d of s(x + d, x' + d), 0 beyond the border. [B, N, N] -> the same.

    The two-dimensional sum is separable: first the rows of query and key together, then their columns. It is its own adjoint.
    """

    if taps == 1:
        return scores

    @custom_gradient
    def run(scores):
        reach, (b, n, _) = taps // 2, shape(scores)
        total = tf.reshape(scores, [b, h, w, h, w])
        for axis in (1, 2):
            size = shape(total)
            padding = [[reach, reach] if k in (axis, axis + 2) else [0, 0] for k in range(5)]
            padded = tf.pad(total, padding)
            starts = [[i if k in (axis, axis + 2) else 0 for k in range(5)] for i in range(taps)]
            total = functools.reduce(operator.add, [tf.slice(padded, start, size) for start in starts])  # TFLite's AddN is slow
        return tf.reshape(total, [b, n, n]), lambda upstream: _joint_shifts(upstream, h, w, taps)

    return run(scores)
