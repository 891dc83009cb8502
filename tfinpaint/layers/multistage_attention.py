"""One stage of the multistage attention network: pixel-wise attention and the fusion of what was with what was found.

Source: equations (9)-(12) of Wang et al., Multistage attention network for image inpainting, Pattern Recognition 2020.
"""

import tensorflow as tf

from tfinpaint.layers.patch_attention import PatchAttention
from tfinpaint.layers.squeeze_excite import SqueezeExcite


class MultistageAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        variant: "paper" or "official", see `PatchAttention`.

    Call arguments and returns are PatchAttention's; the fusion changes features outside the hole too.

    Sub-layers: `attention` (PatchAttention), `squeeze_excite` over [features, attended], `merge` (1x1 convolution back to C).
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant
        self.attention = PatchAttention(patch_size=1, propagation=3, variant=variant, name="attention", dtype=self.dtype_policy)
        self.squeeze_excite = SqueezeExcite(name="squeeze_excite", dtype=self.dtype_policy)

    def build(self, input_shape):
        channels = int(input_shape[0][-1])
        self.merge = tf.keras.layers.Conv2D(channels, 1, name="merge", dtype=self.dtype_policy)
        for layer in (self.squeeze_excite, self.merge):
            with tf.name_scope(layer.name):
                layer.build((None, None, None, 2 * channels))
        super().build(input_shape)

    def call(self, inputs, return_strongest=False, weights_at=None):
        features, hole = inputs
        attended = self.attention([features, hole], return_strongest=return_strongest, weights_at=weights_at)
        if return_strongest:
            attended, look = attended
        both = tf.concat([tf.cast(features, attended.dtype), attended], axis=-1)  # [B, H, W, 2C]
        merged = self.merge(self.squeeze_excite(both))  # [B, H, W, C]  (12)
        return (merged, look) if return_strongest else merged

    def get_config(self):
        return {**super().get_config(), "variant": self.variant}
