"""Networks made of layers: generators, critics, and feature networks."""

from tfinpaint.networks.coherent_semantic_unets import CoherentSemanticUNets
from tfinpaint.networks.deepfill import DeepFill
from tfinpaint.networks.densenet_critic import DenseNetCritic
from tfinpaint.networks.instance_patch_critic import FeaturePatchCritic, InstancePatchCritic
from tfinpaint.networks.musical_unet import MusicalUNet
from tfinpaint.networks.partial_conv_unet import PartialConvUNet
from tfinpaint.networks.patch_critic import FreeFormCritic, PatchCritic
from tfinpaint.networks.vgg import VGGFeatures
from tfinpaint.networks.wasserstein_critic import WassersteinCritic

__all__ = ["CoherentSemanticUNets", "DeepFill", "DenseNetCritic", "FeaturePatchCritic", "FreeFormCritic", "InstancePatchCritic",
           "MusicalUNet", "PartialConvUNet", "PatchCritic", "VGGFeatures", "WassersteinCritic"]
