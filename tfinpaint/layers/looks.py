"""What an attention layer tells of where it looks, from its weights.

All attention layers have these two call arguments, and all networks and `System.attention` pass the second on:

    return_strongest  the layer returns its output and `look`: for each position of its map, the row and column of the key of largest
                      weight, int32 [B, h, w, 2].
    weights_at        int32 [B, 2], with the former: a row and a column of each picture's hole, as it was handed to the layer (so that
                      one pixel serves maps of all sizes). In place of `look` comes the pair `look, weights`; weights float32
                      [B, h, w] are those of the position that this pixel lies in, a row of the attention matrix: what the layer uses
                      where it fills that position, and would use where it leaves it.
"""

import tensorflow as tf

from tfinpaint.layers.patches import shape


def looked(weights, h, w, hole, weights_at=None):
    """As above. weights [B, N, N], queries by keys, N = h * w; hole [B, any, any, 1]."""
    b = shape(weights)[0]
    best = tf.reshape(tf.argmax(weights, axis=-1, output_type=tf.int32), [b, h, w])
    look = tf.stack([best // w, best % w], axis=-1)
    if weights_at is None:
        return look
    cell = tf.cast(weights_at, tf.int32) * [h, w] // tf.shape(hole)[1:3]  # [B, 2]
    row = tf.gather(weights, cell[:, 0] * w + cell[:, 1], batch_dims=1)  # [B, N]
    return look, tf.reshape(row, [b, h, w])
