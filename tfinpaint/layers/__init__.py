"""Layers. Each file has one idea of one paper.

All layers take and return tensors in NHWC, in their compute dtype (float32 unless a policy says
otherwise). `hole` is 1 where pixels are missing.
"""

from tfinpaint.layers.coherent_semantic_attention import CoherentSemanticAttention
from tfinpaint.layers.contextual_attention import ContextualAttention
from tfinpaint.layers.gated_conv import GatedConv2D
from tfinpaint.layers.multi_scale_attention import MultiScaleAttention
from tfinpaint.layers.multistage_attention import MultistageAttention
from tfinpaint.layers.partial_conv import PartialConv2D
from tfinpaint.layers.patch_attention import PatchAttention
from tfinpaint.layers.shift_layer import ShiftLayer
from tfinpaint.layers.squeeze_excite import SqueezeExcite

__all__ = [
    "CoherentSemanticAttention",
    "ContextualAttention",
    "GatedConv2D",
    "MultiScaleAttention",
    "MultistageAttention",
    "PartialConv2D",
    "PatchAttention",
    "ShiftLayer",
    "SqueezeExcite",
]
