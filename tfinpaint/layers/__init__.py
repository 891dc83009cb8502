"""Layers, and what they are computed with.

All layers take and return tensors in NHWC, in their compute dtype (float32 unless a policy says
otherwise). `hole` is 1 where pixels are missing.

Layers, one idea of a paper per file:

    gated_conv, partial_conv        convolutions that weigh or skip missing pixels
    contextual_attention            a map rebuilt from its own known patches
    coherent_semantic_attention     a hole filled cell by cell
    patch_attention                 missing features as means of similar known patches
    multi_scale_attention           two patch attentions and their fusion
    multistage_attention            pixel-wise attention, fused with its input
    shift_layer                     missing cells get the most similar features of the encoder
    squeeze_excite                  a weight for each channel, from the whole picture

Layers of networks that are faster than Keras', or that Keras lacks:

    batch_norm                      batch norm over the replicas that share a batch
    down_conv, up_conv              4x4 convolutions with stride 2, down and up
    doubled_conv                    doubling and a 3x3 convolution in one
    spectral_conv, spectral_up_conv convolutions with spectral norm

Helpers:

    formulations                    chooses the implementation of an attention layer
    patch_attention_in_hole         the second one of patch attention
    contextual_attention_by_pixels  the second one of contextual attention
    coherent_recursion              the recursion of coherent semantic attention
    attention_map                   how attention layers return their weights
    patches, shifts, position_lists patches, sums along joint shifts, lists of positions
    hole_reduction, hole_bounds     the hole on a feature map, and its bounding box
    aligned_resize                  bilinear resizing with aligned corners
    mirroring, windows              mirroring at the border; a window of each picture
    random_numbers                  random numbers that are the same on every device
    arguments, shapes               checks of arguments; sizes of maps
    custom_gradient                 a custom gradient whose graph can be freed
    replicas, tracing               what a layer must know: of other replicas, of its graph
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
