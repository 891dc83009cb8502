"""The layer in the refinement's encoder: coherent semantic attention, or a replacement of it.

Source: the ablation of Liu et al., Coherent Semantic Attention for Image Inpainting, ICCV 2019,
section 4.3 and Figure 8. It replaces the layer by contextual attention and by a "conventional 3x3
layer". The paper also compares with Shift-Net (Table 1), whose shift operation is algorithm 1
without the previous cell. All layers work on the map of H/8 x W/8 and keep its shape:

    coherent      layers/coherent_semantic_attention.py
    contextual    layers/contextual_attention.py at rate 1: patches are compared at H/8, as in
                  DeepFill, and the whole map is rebuilt
    shift         `ShiftInHole`
    convolution   3x3, after a leaky ReLU as before all convolutions of the encoder. Only this one
                  has weights
    none          no layer
"""

from typing import Any, Optional, Sequence

import tensorflow as tf

from tfinpaint.layers import CoherentSemanticAttention, ContextualAttention, ShiftLayer, tracing
from tfinpaint.layers.shapes import shape
from tfinpaint.layers.shift_layer import reduce_hole
from tfinpaint.networks.parts import conv


def attention(kind: str, variant: str, channels: int) -> Optional[tf.keras.layers.Layer]:
    """The layer, or None for "none".

    Args:
        kind: see the top of the file.
        variant: "paper" or "official".
        channels: channels of the features.
    """
    if kind == "coherent":
        return CoherentSemanticAttention(variant, name="attention")
    if kind == "contextual":
        return ContextualAttention(rate=1, name="attention")
    if kind == "shift":
        return ShiftInHole(variant, name="attention")
    return conv(channels, 3, "attention") if kind == "convolution" else None


class ShiftInHole(tf.keras.layers.Layer):
    """The shift operation within one map: replaces each missing cell by the most similar known one.

    Args:
        variant: see `ShiftLayer`.

    Call arguments and returns are those of CoherentSemanticAttention, without
    `with_attention_weights`. If no cell is known, the output is the input.
    """

    def __init__(self, variant="paper", **kwargs):
        super().__init__(**kwargs)
        self.variant = variant
        self.shift = ShiftLayer(variant, name="shift", dtype=self.dtype_policy)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        with_attention_maps: bool = False,
        weights_at: Optional[tf.Tensor] = None,
    ) -> Any:
        features, hole = inputs
        if tracing.weights_only():
            return tf.cast(features, self.compute_dtype)
        h, w = shape(features)[1:3]
        missing = reduce_hole(hole, h, w, self.variant) > 0  # [B, H, W, 1]
        replaced = missing & tf.reduce_any(~missing, axis=(1, 2, 3), keepdims=True)
        found = self.shift(
            [tf.concat([features, features], -1), hole],
            with_attention_maps=with_attention_maps,
            weights_at=weights_at,
        )
        shifted, maps = found if with_attention_maps else (found, None)
        queries, _, shifted = tf.split(shifted, 3, -1)  # [B, H, W, C] each
        output = tf.where(replaced, shifted, queries)
        return (output, maps) if with_attention_maps else output

    def get_config(self) -> dict:
        return {**super().get_config(), "variant": self.variant}
