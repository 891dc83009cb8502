"""The multistage attention network: Multistage attention network for image inpainting, Pattern Recognition 2020.

One U-Net of partial convolutions (section 3.2, Tables 1 and 2) with pixel-wise attention at two decoder stages (3.3), trained with
six terms (3.4) against a spectrally normalised patch critic (Table 3). Images in [0, 1] inside, holes blanked with 0.

What the variants settle
                      paper                                  official
    attention         cosine, known keys only                see layers/patch_attention.py
    perceptual/style  of the output                          of the output and of the composite, added
    variation         pairs with a missing pixel             of the composite blanked outside the hole
In both: generator first, then critic, which judges the output, not the composite, of the same forward pass; Adam 2e-4, and a tenth
of it for the critic; 5e-5 in the fine-tuning phase, in which batch norm keeps its running statistics.

Deviations: the critic's sigmoid is part of the loss; sums of (20) and (21) are means over the whole tensor, as released. The critic's
spectral norm takes its sigma as a constant (no gradient flows through it), and the very first generator step is judged before it was
normalised. Adam's epsilon and the initial weights of the fusion (squeeze-excite, 1x1) are Keras' own.
"""

import tensorflow as tf

from tfinpaint.losses import critic_cross_entropy, generator_cross_entropy, masked_l1, perceptual_and_style, total_variation
from tfinpaint.networks import PartialConvUNet, PatchCritic, VGGFeatures
from tfinpaint.networks.patch_critic import SMALLEST
from tfinpaint.settings import SettingsError
from tfinpaint.systems.base import System
from tfinpaint.systems.multistage import SPECIFICATION


class Multistage(System):
    """See the top of the file.

    Args:
        width: channels of the first layer of generator and critic (paper: 64).
        depth: halvings of the U-Net (paper: 8); images are multiples of 2^depth.
        variant: "paper" or "official".
    """

    specification = SPECIFICATION
    feature_contrast = 1.0  # between black and white, for the feature network: images in [0, 1]

    def __init__(self, width=64, depth=8, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth = width, depth
        self.generator = self.make_generator()
        self.built = True  # its networks are: Keras' summary and save_weights need no first call

    @property
    def stride(self):
        return 2**self.depth

    def make_generator(self):
        return PartialConvUNet(self.width, self.depth, attention=(4, 3), variant=self.variant)

    def compile_networks(self, perceptual_weights, critic_weights, image_size):
        weights = self.weights_of_terms
        self.generator.frozen_norms = self.freeze_batch_norm
        features = weights["perceptual"] or weights["style"]
        self.features = VGGFeatures(perceptual_weights, contrast=self.feature_contrast) if features else None
        if weights.get("adversarial") and image_size < SMALLEST:
            raise SettingsError(f"`image_size` is at least {SMALLEST} for the critic (`loss_weights['adversarial']=0` does without it). "
                                f"Got {image_size}")
        if not weights.get("adversarial"):
            self.critic = None
        elif self.critic is None:
            self.critic = PatchCritic(self.width)

    @property
    def judges_composite(self):
        """Whether the feature network judges the composite beside the output."""
        return self.variant == "official"

    @property
    def blanks_variation(self):
        """Whether variation is that of the composite blanked outside the hole."""
        return self.variant == "official"

    def raw(self, generator, images, holes, training=False):
        truth = (images + 1) / 2  # [B, H, W, 3] in [0, 1]
        return 2 * generator([truth * (1 - holes), holes], training=training) - 1

    def attention(self, images, holes, weights_at=None):
        self.check_images(images)
        output, looks = self.averaged([(images + 1) / 2 * (1 - holes), holes], with_attention=True, weights_at=weights_at)
        return 2 * output - 1, looks  # [B, H, W, 3]; maps of H/8 x W/8 and H/4 x W/4

    def step(self, images, holes):
        truth = (images + 1) / 2  # [B, H, W, 3] in [0, 1]
        targets = self.features(truth) if self.features else None

        # 1. The generator.
        with tf.GradientTape() as tape:
            output = self.generator([truth * (1 - holes), holes], training=True)  # [B, H, W, 3]
            weighted = self.weighted(self.terms(output, truth, holes, targets))
            loss = tf.add_n(list(weighted.values()))
            scaled = self.scaled(self.optimizer, loss)
        self.update_generator(tape, scaled)
        logs = {"loss": loss, **weighted}

        # 2. The critic: real and fake in one call, so that its kernels are normalised once.
        if self.critic:
            def loss_of_critic():
                real, fake = tf.split(self.critic(tf.concat([truth, output], 0), training=True), 2)  # [B, h, w, 1] each
                return critic_cross_entropy(real, fake)

            logs["critic"] = self.update_critic(loss_of_critic)
        return logs

    def terms(self, output, truth, holes, targets):
        """The terms of equation (22), before their weights. All images [B, H, W, 3] in [0, 1]; targets: features of the truth."""
        composite = output * holes + truth * (1 - holes)
        terms = {"valid": masked_l1(output, truth, 1 - holes), "hole": masked_l1(output, truth, holes)}
        if self.features:
            terms.update(perceptual_and_style(self.features, [output, composite] if self.judges_composite else [output], targets))
        terms["variation"] = total_variation(composite * holes) if self.blanks_variation else total_variation(composite, holes)
        if self.critic:
            terms["adversarial"] = generator_cross_entropy(self.critic(output, training=False))
        return terms
