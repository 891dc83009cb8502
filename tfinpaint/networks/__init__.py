"""Networks that several systems or metrics use: generators, critics, and feature networks."""

from tfinpaint.networks.deepfill import DeepFill
from tfinpaint.networks.partial_conv_unet import PartialConvUNet
from tfinpaint.networks.patch_critic import FreeFormCritic, PatchCritic
from tfinpaint.networks.unet import UNet
from tfinpaint.networks.vgg import VGGFeatures

__all__ = ["DeepFill", "FreeFormCritic", "PartialConvUNet", "PatchCritic", "UNet", "VGGFeatures"]
