"""Multistage attention network for image inpainting, Pattern Recognition 2020.

It has the U-Net and the loss terms of partial convolutions (section 3.2, Tables 1 and 2; see
systems/partial_conv), pixel-wise attention at two decoder stages (3.3), and a spectrally normalised
patch critic (Table 3). The loss (22) has six terms (3.4). Internally images are in [0, 1], and
holes are blanked with 0.

How the variants differ
                      paper                         official
    attention         cosine, known keys only       see layers/patch_attention.py
    perceptual/style  of the output                 of the output and of the composite, added
    variation         pairs with a missing pixel    of the composite blanked outside the hole
In both, the generator learns first, then the critic, from the same forward pass. The critic sees
the output, not the composite. Adam is at 2e-4, and at 2e-5 for the critic. In the fine-tuning
phase, in which batch norm keeps its running statistics, it is at 5e-5 and 5e-6.

Deviations: the sigmoid of the critic is part of the loss. (20) and (21) are means over the whole
tensor, as released, not sums. The critic's spectral norm treats sigma, the largest singular value,
as a constant (no gradient flows through it). In the very first step of the generator, the critic's
kernels are not normalised yet. Adam's epsilon and the initial weights of the fusion
(squeeze-excite, 1x1) are Keras' own.
"""

from typing import Dict, List, Optional, Tuple

import tensorflow as tf

from tfinpaint.losses import critic_cross_entropy, generator_cross_entropy, total_variation
from tfinpaint.networks import PartialConvUNet, PatchCritic
from tfinpaint.systems.base import blanked
from tfinpaint.systems.multistage import SPECIFICATION
from tfinpaint.systems.partial_conv.system import PartialConv


class Multistage(PartialConv):
    """See the top of the file.

    Args:
        width: channels of the first layer of generator and critic (paper: 64).
        depth: halvings of the U-Net (paper: 8); height and width of images are multiples of
            2^depth.
        stages: stages of attention (paper: 2): 1 has only the first, at H/8; 0 has none.
        variant: "paper" or "official".
    """

    specification = SPECIFICATION
    feature_contrast = 1.0  # `contrast` of VGGFeatures; the released code works in [0, 1]

    def __init__(self, width=64, depth=8, stages=2, variant="paper", **kwargs):
        self.stages = stages  # before the base class, which makes the generator
        super().__init__(width, depth, variant, **kwargs)

    @property
    def attention_layers(self) -> tuple:
        return super().attention_layers[: self.stages]

    def make_generator(self) -> tf.keras.Model:
        attention = (4, 3)[: self.stages]  # after Decode_4, after Decode_3
        return PartialConvUNet(self.width, self.depth, attention, self.variant)

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        super().compile_networks(perceptual_weights, critic_weights, image_size)
        if not self.weights_of_terms["adversarial"]:
            self.critic = None
        elif self.critic is None:
            self.critic = PatchCritic(self.width)

    def attention_maps(
        self, images: tf.Tensor, holes: tf.Tensor, weights_at: Optional[tf.Tensor] = None
    ) -> Tuple[tf.Tensor, list]:
        images, holes = self.checked(images, holes)
        known = blanked((images + 1) / 2, holes)
        output, maps = self.averaged(
            [known, holes], with_attention_maps=True, weights_at=weights_at
        )
        return 2 * output - 1, maps  # [B, H, W, 3]; of H/8 x W/8 and H/4 x W/4

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        truth = (images + 1) / 2  # [B, H, W, 3] in [0, 1]
        targets = self.features(truth) if self.features else None

        # 1. The generator: the terms of equation (22).
        with tf.GradientTape() as tape:
            output = self.generator([truth * (1 - holes), holes], training=True)  # [B, H, W, 3]
            # Valid, hole, perceptual, style and variation: see PartialConv.terms.
            terms = self.terms(output, truth, holes, targets)
            if self.critic:
                terms["adversarial"] = generator_cross_entropy(self.critic(output, training=False))
        logs = self.learn(tape, terms)

        # 2. The critic: real and fake in one call, so that its kernels are normalised once.
        if self.critic:

            def loss_of_critic():
                # [B, h, w, 1] each
                real, fake = tf.split(self.critic(tf.concat([truth, output], 0), training=True), 2)
                return critic_cross_entropy(real, fake)

            logs["critic"] = self.update_critic(loss_of_critic)
        return logs

    def judged(self, output: tf.Tensor, composite: tf.Tensor) -> List[tf.Tensor]:
        return [output, composite] if self.variant == "official" else [output]

    def variation(self, composite: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
        return (
            total_variation(composite * holes)
            if self.variant == "official"
            else total_variation(composite, holes)
        )
