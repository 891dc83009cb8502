"""Patch attention: replaces missing features by weighted means of similar known patches.

Sources: equations (6)-(8) of [1] Wang et al., Multistage attention network for image inpainting,
2020. Equations (1) and (2) of [2] Wang et al., MUSICAL, IJCAI 2019, are (6) and (8) for patches of
any size.

Queries are the patches around all N = H * W positions x; keys and values are the known patches
around x'. A patch has P = patch_size^2 * C elements. Each picture of a batch has its own hole.

How the variants differ
  paper     Patches with a missing pixel are not keys. Scores are propagated (8) before the softmax
            (7): after it, as printed, weights would not sum to 1. lambda is 10; neither paper gives
            its value. Overlapping patches are averaged. If no key is known, the output is the
            input.
  official  As released: queries are not normalised. Keys are normalised after adding _OFFSET, and
            are the values too. Missing keys take part. Propagation shifts only the query. lambda is
            1.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import arguments, formulations, hole_reduction, tracing
from tfinpaint.layers.attention_map import attention_maps
from tfinpaint.layers.custom_gradient import self_adjoint
from tfinpaint.layers.patch_attention_in_hole import attend_by_patches, attend_by_pixels
from tfinpaint.layers.patches import box_sum, extract, one_over_norm, paste, products
from tfinpaint.layers.shapes import Size, flat, shape
from tfinpaint.layers.shifts import sum_of_shifts

_LAMBDA = 10.0  # of (7) in `paper`, as in DeepFill
_OFFSET = 1e-7  # added to keys in `official`
_NO_SCORE = -1e9  # added before the softmax to the score of a key that takes no part


class PatchAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        patch_size: odd side of the patches that are compared and pasted.
        propagation: odd number of shifts per axis over which scores are summed (1: no propagation).
        variant: "paper" or "official".

    Call arguments: `[features, hole]`, [B, H, W, C] and [B, r * H, r * W, 1], 1 where missing, for
        a whole number r. A cell is missing if any of its pixels is; in `official`, if its top-left
        pixel is.

    Returns: [B, H, W, C], equal to the features where known. With `with_attention_maps=True` also
        the attention maps (attention_map.py). Weights sum to 1 (in `paper`, to 0 if no key is
        known).

    Raises: ValueError for another shape, or if the sizes of the hole are not multiples of those of
        the features.
    """

    def __init__(self, patch_size=1, propagation=3, variant="paper", **kwargs):
        super().__init__(**kwargs)
        arguments.check_odd(patch_size=patch_size, propagation=propagation)
        arguments.check_variant(variant)
        self.patch_size, self.propagation, self.variant = patch_size, propagation, variant

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        arguments.check_features_and_hole(*inputs)
        if tracing.weights_only():
            return tf.cast(inputs[0], self.compute_dtype)
        paper = self.variant == "paper"
        # Norms need at least float32, even if the layer computes in half precision.
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32
        features = tf.cast(inputs[0], dtype)
        h, w = shape(features)[1:3]
        reduce = hole_reduction.any_pixel if paper else hole_reduction.top_left_pixel
        hole = reduce(tf.cast(inputs[1], dtype), h, w)  # [B, H, W, 1]
        touched = tf.nn.max_pool2d(hole, self.patch_size, 1, "SAME")  # patches with a missing pixel
        everywhere = formulations.attends_everywhere(h, w, with_attention_maps)
        attend = self._paper if paper else self._official
        attended, weights = attend(features, hole, touched, everywhere)
        replaced = hole > 0
        if paper:
            replaced &= tf.reduce_any(touched < 1, axis=(1, 2, 3), keepdims=True)
        filled = tf.cast(tf.where(replaced, attended, features), self.compute_dtype)
        if not with_attention_maps:
            return filled
        return filled, attention_maps(weights, h, w, inputs[1], weights_at)

    def _paper(self, features, hole, touched, everywhere):
        """-> the fill [B, H, W, C], and the weights [B, N, N] if `everywhere`, else None."""
        (b, h, w, c), size = shape(features), self.patch_size
        background, weights = features * (1 - hole), None
        query_scale = _LAMBDA * one_over_norm(features, size)  # [B, H, W, 1]
        key_scale = one_over_norm(background, size) * (1 - touched)
        key_bias = _NO_SCORE * touched
        if everywhere:  # see formulations.py; on a CPU mostly not
            # The product <f(x), b(x')> of patches is a sum of products of pixels, over joint shifts
            # of x and x'.
            scores = joint_shifts(products(flat(features), background), h, w, size)  # [B, N, N]
            scores = scores * flat(query_scale) * tf.reshape(key_scale, [b, 1, h * w])  # lambda (6)
            scores = joint_shifts(scores, h, w, self.propagation)  # (8)
            weights = tf.nn.softmax(scores + tf.reshape(key_bias, [b, 1, h * w]))  # (7)
            # The sum of the values of all patches that cover a pixel is such a sum too.
            pasted = tf.matmul(joint_shifts(weights, h, w, size), flat(background))  # [B, N, C]
            pasted = tf.reshape(pasted, [b, h, w, c])
            weights *= tf.reshape(1 - touched, [b, 1, h * w])  # 0 without a known key
        else:
            queries, keys = (features, query_scale), (background, key_scale, key_bias)
            pasted = attend_by_pixels(queries, keys, hole, size, self.propagation)  # [B, H, W, C]
        return pasted / box_sum(tf.ones_like(pasted[:1, ..., :1]), size), weights

    def _official(self, features, hole, touched, everywhere):
        """Returns as `_paper`."""
        c, size, weights = shape(features)[3], self.patch_size, None
        # Propagation sums over shifted queries. It is linear, so it is done before the product,
        # where it is cheap.
        queries = box_sum(extract(features, size), self.propagation)  # [B, H, W, P]
        background = features * (1 - hole) + _OFFSET
        squares = box_sum(
            tf.reduce_sum(tf.square(background), -1, keepdims=True), size, c * _OFFSET**2
        )
        keys = extract(background, size, _OFFSET) * tf.math.rsqrt(squares)
        if everywhere:
            weights = tf.nn.softmax(products(flat(queries), keys))  # [B, N, N]
            attended = tf.reshape(tf.matmul(weights, flat(keys)), shape(keys))  # [B, H, W, P]
        else:
            attended = attend_by_patches(queries, keys, hole, touched, size)
        return paste(attended, size) / size**2, weights

    def get_config(self) -> dict:
        own = {"patch_size": self.patch_size, "propagation": self.propagation}
        return {**super().get_config(), **own, "variant": self.variant}


@self_adjoint
def joint_shifts(scores: tf.Tensor, h: Size, w: Size, taps: int) -> tf.Tensor:
    """Equation (8): s'(x, x') = sum over shifts d of s(x + d, x' + d), 0 beyond the border.

    [B, N, N] -> [B, N, N]. The sum is separable: one axis after the other.
    """
    if taps == 1:
        return scores
    b, n, _ = shape(scores)
    scores = tf.reshape(scores, [b, h, w, h, w])
    for axis in (1, 2):  # rows of query and key together, then columns
        scores = sum_of_shifts(scores, (axis, axis + 2), taps)
    return tf.reshape(scores, [b, n, n])
