"""Multi-scale attention: two patch attentions with different patch sizes, and their fusion.

Source: equations (1)-(3) and Figure 2 of Wang et al., MUSICAL: multi-scale image contextual
attention learning, IJCAI 2019.

How the variants differ
  paper     Squeeze-excite and merge see the features and the outputs of both attentions (3).
  official  They see the outputs of the attentions only. The caller adds the features (MUSICAL: by a
            3x3 convolution).
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers.patch_attention import PatchAttention
from tfinpaint.layers.squeeze_excite import SqueezeExcite


class MultiScaleAttention(tf.keras.layers.Layer):
    """See the top of the file.

    Args:
        variant: "paper" or "official"; also that of the attentions, see `PatchAttention`.
        patches: side of the patches in pixels, "1" or "3", or "both".
        squeeze_excite: whether squeeze-excite weighs the channels before they are merged.

    Call arguments and returns are those of PatchAttention. The fusion changes features outside the
    hole too. The attention maps are a list: those of the 1x1 and of the 3x3 attention.

    Sub-layers: `attention_1x1`, `attention_3x3` (PatchAttention), `squeeze_excite`, `merge` (1x1
    convolution back to C). A sub-layer that is left out is None.
    """

    def __init__(self, variant="paper", patches="both", squeeze_excite=True, **kwargs):
        super().__init__(**kwargs)
        if patches not in ("both", "1", "3"):
            raise ValueError(f"`patches` is both, 1 or 3. Got {patches!r}")
        self.variant, self.patches = variant, patches
        self.attention_1x1, self.attention_3x3 = (
            PatchAttention(k, 3, variant, name=f"attention_{k}x{k}", dtype=self.dtype_policy)
            if patches in ("both", str(k))
            else None
            for k in (1, 3)
        )
        self.squeeze_excite = (
            SqueezeExcite(name="squeeze_excite", dtype=self.dtype_policy)
            if squeeze_excite
            else None
        )

    def build(self, input_shape: Any) -> None:
        channels = int(input_shape[0][-1])
        self.merge = tf.keras.layers.Conv2D(channels, 1, name="merge", dtype=self.dtype_policy)
        maps = (2 if self.patches == "both" else 1) + (self.variant == "paper")
        merged = maps * channels
        for layer in filter(None, (self.squeeze_excite, self.merge)):
            with tf.name_scope(layer.name):
                layer.build((None, None, None, merged))
        super().build(input_shape)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        features, hole = inputs
        attended: list = []
        maps: list = []
        for attention in filter(None, (self.attention_1x1, self.attention_3x3)):
            if with_attention_maps:
                # One after the other, to save memory: each holds several matrices of all scores.
                with tf.control_dependencies(tf.nest.flatten(maps)):
                    output, map_ = attention(
                        [tf.identity(features), hole],
                        with_attention_maps=True,
                        weights_at=weights_at,
                    )
                maps.append(map_)
            else:
                output = attention([features, hole])
            attended.append(output)
        if self.variant == "paper":
            attended = [tf.cast(features, attended[0].dtype), *attended]
        x = tf.concat(attended, axis=-1)  # [B, H, W, 3C]
        if self.squeeze_excite:
            x = self.squeeze_excite(x)
        merged = self.merge(x)  # [B, H, W, C]  (3)
        return (merged, maps) if with_attention_maps else merged

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "variant": self.variant,
            "patches": self.patches,
            "squeeze_excite": self.squeeze_excite is not None,
        }
