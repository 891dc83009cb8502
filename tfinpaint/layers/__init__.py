"""Layers, one idea of one paper per file. All take and give float32 NHWC; `hole` is 1 where pixels are missing."""

from tfinpaint.layers.contextual_attention import MultistageAttention, PatchAttention
from tfinpaint.layers.partial_conv import PartialConv2D
from tfinpaint.layers.squeeze_excite import SqueezeExcite

__all__ = ["MultistageAttention", "PartialConv2D", "PatchAttention", "SqueezeExcite"]
