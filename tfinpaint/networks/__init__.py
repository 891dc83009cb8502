"""Networks made of layers: generators, critics, and feature networks."""

from tfinpaint.networks.partial_conv_unet import PartialConvUNet
from tfinpaint.networks.patch_critic import PatchCritic
from tfinpaint.networks.vgg import VGGFeatures

__all__ = ["PartialConvUNet", "PatchCritic", "VGGFeatures"]
