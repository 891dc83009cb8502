"""Coherent semantic attention: fills a hole cell by cell, from known cells and the previous fill.

Source: Liu et al., Coherent Semantic Attention for Image Inpainting, ICCV 2019, equations (1)-(3)
and algorithm 1.

The missing cells m_1, m_2, ... of a map are visited row by row. k_i is the known cell most like
m_i. The layer replaces m_i by o_i:

    o_1 = k_1,  o_i = a_i o_(i-1) + (1 - a_i) k_i,  a_i = Dad_i / (Dad_i + Dmax_i)              (3)

Dmax_i is the similarity of m_i and k_i (1), Dad_i that of m_i and the previous cell (2). a_i is 0
if both are 0. So each o_i is a weighted mean of known cells. The previous cell is the missing cell
visited just before, even at the end of the previous row or in another hole. Its m_(i-1) in (2) is
read as the value just generated, o_(i-1).

How the variants differ
  paper     Dmax (1) and Dad (2) are cosines; negative ones count as 0. If both are negative,
            o_i = k_i. Gradients flow through everything but the choice of k_i. A cell is missing if
            any of its pixels is. If no cell is known, the output is the input.
  official  As in the released code: Dmax = <m_i, k_i / |k_i|>, Dad = <m_i / |m_i|, o_(i-1)>, both
            unbounded (weights from -10 to 13 occur). The gradient treats a_i as constants, and the
            gradient of the output is added to that of the features once more. The hole is halved
            repeatedly (three times for a factor of 8), each time by means over 4x4 cells with zeros
            beyond the border. A cell is missing if the result exceeds 5/16.
"""

from typing import Any, NamedTuple, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import arguments, hole_reduction, tracing
from tfinpaint.layers.attention_map import attention_maps
from tfinpaint.layers.coherent_recursion import Visits, generate, shares, time_major
from tfinpaint.layers.patches import products, unit
from tfinpaint.layers.shapes import Size, flat, shape

_NO_SCORE = -1e9  # the score of a missing cell as a key


class CoherentSemanticAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        variant: "paper" or "official".

    Call arguments: `[features, hole]`
        features: [B, H, W, C].
        hole: [B, r * H, r * W, 1], 1 where missing, for a whole number r (`official`: a power of
            2). With r = 1 it is used unchanged.

    Returns: [B, H, W, C], equal to `features` where known. With `with_attention_maps=True` also the
        attention maps (attention_map.py), whose weights sum to 1. With
        `with_attention_weights=True` instead all weights [B, N, N], N = H * W: the output is
        weights x features. The row of a known cell has weight 1 on that cell. (They take much
        memory, N^2 numbers per picture.)

    Raises: ValueError for another shape, or if the size of the hole is not r times that of the
        features.
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        arguments.check_variant(variant)
        self.variant = variant

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_weights: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        arguments.check_features_and_hole(*inputs)
        if tracing.weights_only():
            return tf.cast(inputs[0], self.compute_dtype)
        # Norms need at least float32, even if the layer computes in half precision.
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32
        features = tf.cast(inputs[0], dtype)
        b, h, w, _ = shape(features)
        missing = reduce_hole(tf.cast(inputs[1], dtype), h, w, self.variant)  # [B, H, W, 1]
        missing = tf.reshape(missing, [b, h * w])
        possible = tf.reduce_any(tf.logical_not(missing), axis=1, keepdims=True)  # [B, 1]
        replaced = tf.logical_and(missing, possible)

        units = unit(features)
        queries = units if self.variant == "paper" else features
        best = _most_alike(queries, units, missing)  # [B, N]
        order = _visiting_order(missing)
        visits = self._visits(flat(features), flat(queries), best, order)
        generated = generate(visits, order.number, self.variant)  # [N, B, C], in visiting order
        filled = order.undone(time_major(generated))  # [B, N, C]
        output = tf.where(replaced[..., tf.newaxis], filled, flat(features))
        if self.variant == "official":
            # The sum is 0. It only adds the output's gradient to that of the features.
            output += flat(features) - tf.stop_gradient(flat(features))
        output = tf.cast(tf.reshape(output, shape(features)), self.compute_dtype)
        if not (with_attention_weights or with_attention_maps):
            return output
        weights = self._weights(visits, generated, best, order, replaced)  # [B, N, N]
        if with_attention_weights:
            return output, weights
        return output, attention_maps(weights, h, w, inputs[1], weights_at)

    def _visits(self, cells, queries, best, order):
        """What the recursion reads at each visit, in visiting order, from tensors [B, N, ...]."""
        key = tf.gather(cells, order.done(best), batch_dims=1)  # [B, N, C], the k_i
        dmax = tf.reduce_sum(order.done(queries) * unit(key), -1)  # [B, N]  (1)
        units = queries if self.variant == "paper" else _released_unit(cells)
        visits = (order.done(units), key, dmax[..., tf.newaxis])
        return Visits(*(time_major(x) for x in visits))

    def _weights(self, visits, generated, best, order, replaced):
        """The weight of each cell in each output cell: (3) applied to one-hot rows. [B, N, N]."""
        n = shape(best)[1]
        previous = tf.pad(generated, [[1, 0], [0, 0], [0, 0]])[:-1]
        share = shares(visits.unit, previous, visits.dmax, self.variant)  # [N, B, 1]
        share = tf.concat([tf.zeros_like(share[:1]), share[1:]], 0)
        chosen = tf.one_hot(tf.transpose(order.done(best)), n, dtype=share.dtype)  # [N, B, N]
        rows = tf.scan(
            lambda row, now: now[0] * row + (1 - now[0]) * now[1],
            (share, chosen),
            tf.zeros_like(chosen[0]),
        )
        rows = order.undone(time_major(rows))  # [B, N, N]
        itself = tf.eye(n, dtype=share.dtype)[tf.newaxis]
        return tf.where(replaced[..., tf.newaxis], rows, itself)

    def get_config(self) -> dict:
        return {**super().get_config(), "variant": self.variant}


def _most_alike(queries, units, missing):
    """The known cell most like each cell, int32 [B, N]. It has no gradient.

    queries, units: [B, H, W, C]; `units` are cells divided by their norms.   missing: bool [B, N].
    """
    scores = tf.stop_gradient(products(flat(queries), units))  # [B, N, N]
    scores += _NO_SCORE * tf.cast(missing, scores.dtype)[:, tf.newaxis]
    return tf.argmax(scores, axis=-1, output_type=tf.int32)


class _Order(NamedTuple):
    """An order of the cells of each picture."""

    order: tf.Tensor  # [B, N]
    number: tf.Tensor  # cells to visit: the largest number of missing cells in a picture

    def done(self, x: tf.Tensor) -> tf.Tensor:
        """Puts [B, N, ...] into this order."""
        return tf.gather(x, self.order, batch_dims=1)

    def undone(self, x: tf.Tensor) -> tf.Tensor:
        """The inverse of `done`."""
        return tf.gather(x, tf.argsort(self.order, axis=1), batch_dims=1)


def _visiting_order(missing):
    """The missing cells of each picture, row by row; then the known ones, which need no visit."""
    missing = tf.cast(missing, tf.int32)  # [B, N]
    order = tf.argsort(missing, axis=1, direction="DESCENDING", stable=True)
    return _Order(order, tf.reduce_max(tf.reduce_sum(missing, axis=1)))


def _released_unit(cells):
    """Cells divided by their norms, as in the released code; no gradient."""
    # Scaling by 2^14 is exact. TFLite may store constants as float16, in which 1e-8 would be 0.
    norm = tf.norm(cells, axis=-1, keepdims=True)
    return tf.stop_gradient(cells * 2.0**14 / (norm * 2.0**14 + 1e-8 * 2.0**14))


def reduce_hole(hole: tf.Tensor, h: Size, w: Size, variant: str) -> tf.Tensor:
    """Which cells are missing: [B, r * h, r * w, 1] -> bool [B, h, w, 1].

    Raises: ValueError if the sizes do not fit.
    """
    hole_reduction.check_one_factor(hole, h, w)
    if variant == "paper":
        return hole_reduction.any_pixel(hole, h, w) > 0
    return hole_reduction.mean_by_halves(hole, h, w)
