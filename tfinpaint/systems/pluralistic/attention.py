"""Short and long term attention of pluralistic completion.

Queries and keys are the same learned map, so attention weights are symmetric before the softmax.
Each position attends to all positions, known or missing. The short term mixes the decoder's
features, the long term the encoder's features of the visible picture:

    A = softmax of Q Q', Q = X Wq + bq                          X: decoder's features
    Y = gamma A X + X                                           short term
    L = alpha (1 - m) (A P) + m P                               P: encoder's features, m: known
    the output is a residual block over [Y, L]

The critics' self-attention is Y alone. m is resized bilinearly with aligned corners, so it can be
between 0 and 1. gamma and alpha start at 0. A has N^2 elements for N positions.

Source: Zheng et al., Pluralistic Image Completion, CVPR 2019, section 3.4. As in the released code,
the softmax has neither a scale nor a mask, and the leaky ReLU of the block has a slope of 0.01,
unlike that of all other blocks.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import tracing
from tfinpaint.layers.aligned_resize import resize_aligned
from tfinpaint.layers.attention_map import attention_maps
from tfinpaint.layers.shapes import flat, shape
from tfinpaint.systems.pluralistic.blocks import ResidualBlock

_SLOPE = 0.01


class ShortTermAttention(tf.keras.layers.Layer):
    """Features [B, H, W, C] -> Y [B, H, W, C]; see the top of the file."""

    def build(self, input_shape: Any) -> None:
        channels = int(input_shape[-1])
        self.query = tf.keras.layers.Conv2D(
            max(channels // 4, 1),
            1,
            name="query",
            dtype=self.dtype_policy,
            kernel_initializer=tf.keras.initializers.Orthogonal(0.02),
        )
        with tf.name_scope(self.query.name):
            self.query.build((None, None, None, channels))
        self.gamma = self.add_weight(name="gamma", shape=(1,), initializer="zeros")
        super().build(input_shape)

    def call(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        if tracing.weights_only():
            return features
        return self._short(features, self._weights(features))

    def _weights(self, features):
        """A: [B, N, N], float32, queries by keys."""
        queries = tf.cast(flat(self.query(features)), tf.float32)  # [B, N, C / 4]
        return tf.nn.softmax(tf.matmul(queries, queries, transpose_b=True))

    def _short(self, features, weights):
        return self.gamma * _attended(weights, features) + features


class ShortLongTermAttention(ShortTermAttention):
    """Short and long term attention, and the block that joins them; see the top of the file.

    Call arguments: `[features, encoder_features, hole]`, [B, H, W, C] twice and [B, any, any, 1],
        1 where missing.

    Returns: [B, H, W, C]. With `with_attention_maps=True` also the attention maps
        (layers/attention_map.py).
    """

    def build(self, input_shape: Any) -> None:
        channels = int(input_shape[0][-1])
        super().build(input_shape[0])
        self.alpha = self.add_weight(name="alpha", shape=(1,), initializer="zeros")
        self.join = ResidualBlock(channels, slope=_SLOPE, name="join", dtype=self.dtype_policy)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        training: bool = False,
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        features, seen, hole = inputs
        if tracing.weights_only():
            return self.join(tf.concat([features, features], -1))
        h, w = shape(features)[1:3]
        weights = self._weights(features)  # [B, N, N]
        known = tf.cast(resize_aligned(1 - hole, h, w), features.dtype)  # [B, H, W, 1]
        seen = tf.cast(seen, features.dtype)
        long = self.alpha * (1 - known) * _attended(weights, seen) + known * seen
        joined = tf.concat([self._short(features, weights), long], -1)  # [B, H, W, 2 C]
        output = self.join(joined, training=training)
        if not with_attention_maps:
            return output
        return output, attention_maps(weights, h, w, hole, weights_at)


def _attended(weights, values):
    """A V: [B, N, N], [B, H, W, C] -> [B, H, W, C]."""
    attended = tf.matmul(weights, tf.cast(flat(values), weights.dtype))
    return tf.cast(tf.reshape(attended, shape(values)), values.dtype)
