"""Attention maps: what the attention layers show of their weights.

All attention layers have these two call arguments. All networks have them too, as has
`System.attention_maps` with the second.

    with_attention_maps   the layer returns its output and `matches`, int32 [B, h, w, 2]: the best
                          match of each position of its map, that is the row and the column of the
                          key with the largest weight.
    weights_at            int32 [B, 2], with the former: row and column of a pixel of each picture,
                          counted in the hole that the layer was given (so that one pixel serves
                          maps of all sizes). In place of `matches` comes the pair
                          `matches, weights`. weights float32 [B, h, w] are those of the position
                          that the pixel lies in: a row of the matrix of attention weights. The
                          layer uses them if it fills the position, and would use them if not.
"""

from typing import Optional, Tuple, Union

import tensorflow as tf

from tfinpaint.layers.shapes import Size, shape


def attention_maps(
    weights: tf.Tensor, h: Size, w: Size, hole: tf.Tensor, weights_at: Optional[tf.Tensor] = None
) -> Union[tf.Tensor, Tuple[tf.Tensor, tf.Tensor]]:
    """See the top of the file.

    weights: [B, N, N], queries by keys, N = h * w.   hole: [B, any, any, 1].
    """
    b = shape(weights)[0]
    best = tf.reshape(tf.argmax(weights, axis=-1, output_type=tf.int32), [b, h, w])
    matches = tf.stack([best // w, best % w], axis=-1)  # [B, h, w, 2]
    if weights_at is None:
        return matches
    cell = tf.cast(weights_at, tf.int32) * [h, w] // tf.shape(hole)[1:3]  # [B, 2]
    row = tf.gather(weights, cell[:, 0] * w + cell[:, 1], batch_dims=1)  # [B, N]
    return matches, tf.reshape(row, [b, h, w])
