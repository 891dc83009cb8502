"""The shift layer: adds to each missing cell the most similar known features of the encoder.

Source: Yan et al., Shift-Net: Image Inpainting via Deep Feature Rearrangement, ECCV 2018, and
the code that its authors released.

Half of the input channels are the decoder's features D, the other half the encoder's features E at
the same place. Cells are numbered row by row. For each missing cell p

    s(p) = argmax over known q of <D(p), E(q)> / (|D(p)| |E(q)|),      S(p) = E(s(p))

and S is 0 where the picture is known. Of equal cosines the first cell is taken. The output is
[D, E, S]. The choice s has no gradient; the gradient of S(p) is added to that of E(s(p)).

A key of zeros has no cosine. The released code divides by its norm, so that every missing cell
chooses a known key of zeros. Here it is chosen only if all known keys are zeros. A query of zeros
takes the first known cell, as released. If no cell is known, S is 0.

How the variants differ
  paper     A cell is missing if any of its pixels is.
  official  A cell is missing if its top-left pixel is.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import arguments, hole_reduction, tracing
from tfinpaint.layers.attention_map import attention_maps
from tfinpaint.layers.patches import products
from tfinpaint.layers.shapes import Size, flat, shape


class ShiftLayer(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        variant: "paper" or "official".

    Call arguments: `[features, hole]`
        features: [B, H, W, 2C], the decoder's, then the encoder's.
        hole: [B, r * H, r * W, 1], 1 where missing, for a whole number r. With r = 1 it is used
            unchanged.

    Returns: [B, H, W, 3C], the features, then the shifted ones. With `with_attention_maps=True`
        also the attention maps (attention_map.py). All weight of a position p is on one cell, s(p);
        for a known position, on the cell that it would take if it were missing.

    Raises: ValueError for another shape, if the size of the hole is not r times that of the
        features, or if the number of channels is odd.
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        arguments.check_variant(variant)
        self.variant = variant

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        arguments.check_features_and_hole(*inputs)
        # Norms need at least float32, even if the layer computes in half precision.
        dtype = tf.float64 if self.compute_dtype == "float64" else tf.float32
        features = tf.cast(inputs[0], dtype)
        b, h, w, c = shape(features)
        if c % 2:
            raise ValueError(f"the number of channels is even, decoder and encoder. Got {c}")
        decoder, encoder = tf.split(features, 2, -1)  # [B, H, W, C] each
        if tracing.weights_only():
            return tf.cast(tf.concat([features, encoder], -1), self.compute_dtype)
        hole = reduce_hole(tf.cast(inputs[1], dtype), h, w, self.variant)  # [B, H, W, 1]
        missing = tf.reshape(hole > 0, [b, h * w])
        best = most_alike(decoder, encoder, missing)  # [B, N]

        filled = tf.logical_and(missing, tf.reduce_any(~missing, axis=1, keepdims=True))
        shifted = tf.gather(flat(encoder), best, batch_dims=1)  # [B, N, C]
        shifted = tf.where(filled[..., tf.newaxis], shifted, tf.zeros_like(shifted))
        output = tf.concat([features, tf.reshape(shifted, shape(encoder))], -1)  # [B, H, W, 3C]
        output = tf.cast(output, self.compute_dtype)
        if not with_attention_maps:
            return output
        weights = tf.one_hot(best, h * w)  # [B, N, N]
        return output, attention_maps(weights, h, w, inputs[1], weights_at)

    def get_config(self) -> dict:
        return {**super().get_config(), "variant": self.variant}


def most_alike(queries: tf.Tensor, keys: tf.Tensor, missing: tf.Tensor) -> tf.Tensor:
    """The known key with the largest cosine for each query; of equal ones the first.

    queries, keys: [B, H, W, C].   missing: bool [B, N], N = H * W.   -> int32 [B, N], no gradient.
    """
    if tracing.on_gpu():  # a GPU may multiply float32 in TF32, with the precision of half floats
        queries, keys = tf.cast(queries, tf.float64), tf.cast(keys, tf.float64)
    queries, keys = tf.stop_gradient(flat(queries)), tf.stop_gradient(keys)
    norms = tf.norm(flat(keys), axis=-1)  # [B, N]
    useful = ~missing & (norms > 0)
    # Queries are not normalised, which would change no choice. Keys are normalised after the
    # product, so that rounding leaves the scores of parallel keys equal.
    scores = products(queries, keys) / tf.where(useful, norms, 1)[:, tf.newaxis]  # [B, N, N]
    scores = tf.where(useful[:, tf.newaxis], scores, scores.dtype.min)
    best = tf.argmax(scores, -1, output_type=tf.int32)  # [B, N]
    compared = tf.reduce_any(useful, 1, keepdims=True) & tf.reduce_any(queries != 0, -1)
    first_known = tf.argmin(tf.cast(missing, tf.int32), 1, output_type=tf.int32)  # [B]
    return tf.where(compared, best, first_known[:, tf.newaxis])


def reduce_hole(hole: tf.Tensor, h: Size, w: Size, variant: str) -> tf.Tensor:
    """[B, r * h, r * w, 1] -> [B, h, w, 1], above 0 where missing.

    Raises: ValueError if the sizes do not fit.
    """
    hole_reduction.check_one_factor(hole, h, w)
    if variant == "paper":
        return hole_reduction.any_pixel(hole, h, w)
    return hole_reduction.top_left_pixel(hole, h, w)
