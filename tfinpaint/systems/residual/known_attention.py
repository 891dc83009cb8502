"""Learned attention from every position to the known positions, added to the features.

Source: Vaswani et al., Attention is all you need, 2017, equation (1), with one head. Each key is
weighted by the share of its pixels that are known:

    weights of query x   softmax over keys y of  q(x) . k(y) / sqrt(units) + log(known share of y)
    output               x + p(sum over y of weights * v(y))

q, k, v and p are 1x1 convolutions. p starts at 0. The known share counts as at least 1e-4, so that
a picture without known pixels does not give NaN.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers.attention_map import attention_maps
from tfinpaint.layers.shapes import flat, shape

_LEAST = 1e-4  # the smallest known share of a key


class KnownAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        units: channels of queries and keys.

    Call arguments: `[features, hole]`
        features: [B, H, W, C].
        hole: [B, r * H, r * W, 1], 1 where missing (or the missing share), for a whole number r.

    Returns: [B, H, W, C]. With `with_attention_maps=True` also the attention maps, see
        layers/attention_map.py. Weights sum to 1.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        channels = input_shape[0][-1]
        self.query, self.key, self.value = (
            tf.keras.layers.Conv2D(n, 1, use_bias=False, name=name, dtype=self.dtype_policy)
            for name, n in (("query", self.units), ("key", self.units), ("value", channels))
        )
        self.project = tf.keras.layers.Conv2D(
            channels, 1, kernel_initializer="zeros", name="project", dtype=self.dtype_policy
        )
        super().build(input_shape)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        features, hole = inputs
        b, h, w, c = shape(features)
        # [B, N, units], [B, N, C]
        query, key, value = (flat(layer(features)) for layer in (self.query, self.key, self.value))
        scores = tf.matmul(query * self.units**-0.5, key, transpose_b=True)  # [B, N, N]
        known = flat(_known_share(hole, h, w))  # [B, N, 1]
        scores = tf.cast(scores, tf.float32) + tf.transpose(
            tf.math.log(tf.maximum(known, _LEAST)), [0, 2, 1]
        )
        weights = tf.nn.softmax(scores)  # in float32 even under mixed precision
        attended = tf.matmul(tf.cast(weights, value.dtype), value)  # [B, N, C]
        output = features + self.project(tf.reshape(attended, [b, h, w, c]))
        return (
            (output, attention_maps(weights, h, w, hole, weights_at))
            if with_attention_maps
            else output
        )

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}


def _known_share(hole, h, w):
    """The share of known pixels of each cell: hole [B, r * H, r * W, 1] -> float32 [B, H, W, 1]."""
    b, height, width, _ = shape(hole)
    cells = tf.reshape(tf.cast(hole, tf.float32), [b, h, height // h, w, width // w])
    # Not [..., tf.newaxis], which is a slice that TFLite lacks.
    return tf.expand_dims(1.0 - tf.reduce_mean(cells, [2, 4]), -1)
