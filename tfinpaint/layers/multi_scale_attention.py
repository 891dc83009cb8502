"""Multi-scale attention: two attentions with patches of different size, and the fusion of what they found.

Source: equations (1)-(3) and Figure 2 of Wang et al., MUSICAL: multi-scale image contextual attention learning, IJCAI 2019.

What the variants settle
  paper     squeeze-excite and merge see the features and both attentions (3).
  official  they see both attentions only; whoever calls brings the features back in (MUSICAL: by a 3x3 convolution).
"""

import tensorflow as tf

from tfinpaint.layers.patch_attention import PatchAttention
from tfinpaint.layers.squeeze_excite import SqueezeExcite


class MultiScaleAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        variant: "paper" or "official"; of the attention too, see `PatchAttention`.

    Call arguments and returns are PatchAttention's; the fusion changes features outside the hole too. With `return_strongest=True`
    the second value is a list of two: where the 1x1 and where the 3x3 attention looks, each with its weights where `weights_at` asks.

    Sub-layers: `attention_1x1`, `attention_3x3` (PatchAttention), `squeeze_excite`, `merge` (1x1 convolution back to C).
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant
        self.attention_1x1 = PatchAttention(1, 3, variant, name="attention_1x1", dtype=self.dtype_policy)
        self.attention_3x3 = PatchAttention(3, 3, variant, name="attention_3x3", dtype=self.dtype_policy)
        self.squeeze_excite = SqueezeExcite(name="squeeze_excite", dtype=self.dtype_policy)

    def build(self, input_shape):
        channels = int(input_shape[0][-1])
        self.merge = tf.keras.layers.Conv2D(channels, 1, name="merge", dtype=self.dtype_policy)
        for layer in (self.squeeze_excite, self.merge):
            with tf.name_scope(layer.name):
                layer.build((None, None, None, (3 if self.variant == "paper" else 2) * channels))
        super().build(input_shape)

    def call(self, inputs, return_strongest=False, weights_at=None):
        features, hole = inputs
        attended, looks = [], []
        for attention in (self.attention_1x1, self.attention_3x3):
            if return_strongest:
                # One after the other: each holds the whole matrix of scores several times over.
                with tf.control_dependencies(tf.nest.flatten(looks)):
                    found, look = attention([tf.identity(features), hole], return_strongest=True, weights_at=weights_at)
                looks.append(look)
            else:
                found = attention([features, hole])
            attended.append(found)
        if self.variant == "paper":
            attended = [tf.cast(features, attended[0].dtype), *attended]
        merged = self.merge(self.squeeze_excite(tf.concat(attended, axis=-1)))  # [B, H, W, C]  (3)
        return (merged, looks) if return_strongest else merged

    def get_config(self):
        return {**super().get_config(), "variant": self.variant}
