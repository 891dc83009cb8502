"""The system in the box: a network that corrects a smooth first fill. This project's own; no paper's.

What it takes from where: the first fill, a membrane from a pyramid (layers/smooth_fill.py); dilated convolutions around the bottleneck
(Iizuka et al., Globally and Locally Consistent Image Completion, 2017); a residual U-Net without norms whose blocks begin at 0 (Zhang et
al., Fixup Initialization, 2019); perceptual and style terms as in partial convolutions (Liu et al., 2018). Images in [-1, 1]; what lies in
the hole is not looked at.

    term          weight   meaning
    hole               1   L1 in the hole, picture by picture
    valid            0.1   L1 outside it, which feathering shows
    perceptual      0.05   L1 of VGG-16 features of the composite
    style             50   L1 of their Gram matrices

Adam 5e-4. Both variants are the same. There is no critic: texture comes from the photograph itself (detail.py).
"""

import tensorflow as tf

from tfinpaint.losses import perceptual_and_style, region_l1
from tfinpaint.networks import VGGFeatures
from tfinpaint.networks.residual_unet import ResidualUNet
from tfinpaint.systems.base import System


class Residual(System):
    """See the top of the file.

    Args:
        width: channels of the first level are twice as many. Images are multiples of 8.
        depth: blocks at an eighth of the size.
        variant: "paper" or "official": the same.
    """

    system_name = "residual"
    settings = {"width": 32, "depth": 6}
    loss_weights = {"hole": 1.0, "valid": 0.1, "perceptual": 0.05, "style": 50.0}
    attention_layers = ("known",)

    def __init__(self, width=32, depth=6, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth = width, depth
        self.generator = self.make_generator()
        self.built = True  # its networks are: Keras' summary and save_weights need no first call

    @property
    def stride(self):
        return 8

    def make_generator(self):
        return ResidualUNet(self.width, self.depth)

    def compile_networks(self, perceptual_weights, critic_weights, image_size):
        used = any(self.weights_of_terms[name] for name in self.feature_terms)
        self.features = VGGFeatures(perceptual_weights) if used else None

    def learning_rates(self, freeze_batch_norm):
        return 5e-4, 5e-4

    def step(self, images, holes):
        with tf.GradientTape() as tape:
            output = self.generator([images * (1 - holes), holes], training=True)  # [B, H, W, 3]
            terms = {"hole": region_l1(output, images, holes) / 2, "valid": region_l1(output, images, 1 - holes) / 2}
            if self.features:
                composite = tf.clip_by_value(output, -1.0, 1.0) * holes + images * (1 - holes)
                targets = self.features((images + 1) / 2)
                terms |= perceptual_and_style(self.features, [(composite + 1) / 2], targets)
            weighted = self.weighted(terms)
            loss = tf.add_n(list(weighted.values()))
            scaled = self.scaled(self.optimizer, loss)
        self.update_generator(tape, scaled)
        return {"loss": loss, **weighted}
