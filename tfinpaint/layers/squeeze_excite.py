"""Squeeze-and-excitation: multiplies each channel by a weight computed from the whole picture.

Source: equations (9)-(11) of the multistage attention paper (2020); Hu et al.,
Squeeze-and-Excitation Networks, 2018.
"""

from typing import Any

import tensorflow as tf

from tfinpaint.layers import arguments


class SqueezeExcite(tf.keras.layers.Layer):
    """Multiplies each channel by a weight in (0, 1), computed from the means of all channels.

    Args:
        ratio: hidden units as a multiple of the channels, above 0. It is 1.0 in the attention
            papers, so nothing is squeezed.

    Call arguments: features [B, H, W, C]. Returns: [B, H, W, C].

    Sub-layers: `squeeze` (Dense, ReLU), `excite` (Dense, sigmoid).

    Raises: ValueError if `ratio` is not a finite number above 0.
    """

    def __init__(self, ratio=1.0, **kwargs):
        super().__init__(**kwargs)
        arguments.check_positive(ratio=ratio)
        self.ratio = ratio

    def build(self, input_shape: Any) -> None:
        channels = int(input_shape[-1])
        hidden = max(1, round(self.ratio * channels))
        self.squeeze = tf.keras.layers.Dense(
            hidden, activation="relu", name="squeeze", dtype=self.dtype_policy
        )
        self.excite = tf.keras.layers.Dense(
            channels, activation="sigmoid", name="excite", dtype=self.dtype_policy
        )
        for layer, inputs in ((self.squeeze, channels), (self.excite, hidden)):
            with tf.name_scope(layer.name):
                layer.build((None, inputs))
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        # The sum over a map may overflow float16.
        precise = tf.float32 if features.dtype.size < 4 else features.dtype
        means = tf.reduce_mean(tf.cast(features, precise), axis=(1, 2))  # [B, C]  (9)
        means = tf.cast(means, features.dtype)
        weights = self.excite(self.squeeze(means))  # [B, C]  (10)
        return features * weights[:, None, None, :]  # [B, H, W, C]  (11)

    def get_config(self) -> dict:
        return {**super().get_config(), "ratio": self.ratio}
