"""One stage of the multistage attention network: pixel-wise attention, fused with its input.

Source: equations (9)-(12) of Wang et al., Multistage attention network for image inpainting,
Pattern Recognition 2020.
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers.patch_attention import PatchAttention
from tfinpaint.layers.squeeze_excite import SqueezeExcite


class MultistageAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        variant: "paper" or "official", see `PatchAttention`.

    Call arguments and returns are those of PatchAttention. The fusion changes features outside the
    hole too.

    Sub-layers: `attention` (PatchAttention), `squeeze_excite` over [features, attended], `merge`
    (1x1 convolution back to C).
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant
        self.attention = PatchAttention(1, 3, variant, name="attention", dtype=self.dtype_policy)
        self.squeeze_excite = SqueezeExcite(name="squeeze_excite", dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        channels = int(input_shape[0][-1])
        self.merge = tf.keras.layers.Conv2D(channels, 1, name="merge", dtype=self.dtype_policy)
        for layer in (self.squeeze_excite, self.merge):
            with tf.name_scope(layer.name):
                layer.build((None, None, None, 2 * channels))
        super().build(input_shape)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        features, hole = inputs
        attended = self.attention(
            [features, hole], with_attention_maps=with_attention_maps, weights_at=weights_at
        )
        if with_attention_maps:
            attended, maps = attended
        both = tf.concat([tf.cast(features, attended.dtype), attended], axis=-1)  # [B, H, W, 2C]
        merged = self.merge(self.squeeze_excite(both))  # [B, H, W, C]  (12)
        return (merged, maps) if with_attention_maps else merged

    def get_config(self) -> dict:
        return {**super().get_config(), "variant": self.variant}
