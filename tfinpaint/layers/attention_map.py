"""Attention maps: how the attention layers return their weights for display.

All attention layers and the networks that contain them have these two call arguments.
`System.attention_maps` has the second one.

    with_attention_maps   The layer returns its output and `matches`, int32 [B, h, w, 2]: for each
                          position of its map, the row and the column of the key with the largest
                          weight.
    weights_at            int32 [B, 2], only together with `with_attention_maps`: the row and the
                          column of one pixel of each picture, in pixels of the hole that the layer
                          was given. (So the same pixel can be passed to layers of all sizes.) The
                          layer then returns the pair `matches, weights` in place of `matches`.
                          `weights`, float32 [B, h, w], are the attention weights of the position
                          that contains the pixel, one for each key. If that position is known, the
                          layer does not fill it: these are the weights that it would use
                          (CoherentSemanticAttention would keep it, with weight 1 on itself).
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
