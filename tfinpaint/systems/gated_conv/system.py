"""DeepFill v2, a baseline: Free-Form Image Inpainting with Gated Convolution, ICCV 2019.

It has the two stages of DeepFill v1, with gated convolutions (equation 3). In place of v1's critics
it has one spectrally normalised patch critic (SN-PatchGAN), which sees the composite and the hole.
Images are in [-1, 1], holes are blanked with 0.

The critic learns first, then the generator, from the same forward pass. Both have Adam at 1e-4,
with betas 0.5 and 0.999. Both variants are the same.

Deviations: the last layer of the critic is linear. The critic's spectral norm treats sigma, the
largest singular value, as a constant (no gradient flows through it).
"""

from typing import Dict, Optional

import tensorflow as tf

from tfinpaint.losses import critic_hinge, generator_hinge
from tfinpaint.networks import DeepFill, FreeFormCritic
from tfinpaint.systems.base import System
from tfinpaint.systems.gated_conv import SPECIFICATION


class GatedConv(System):
    """See the top of the file.

    Args:
        width: channels of the first layers of the generator, half of them gates (paper: 48), a
            multiple of 4. The critic's first layer has 4/3 as many. Height and width of images are
            multiples of 8.
        variant: "paper" or "official": the same.
    """

    specification = SPECIFICATION

    def __init__(self, width=48, variant="paper", **kwargs):
        super().__init__(variant=variant, **kwargs)
        self.width = width
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 8

    def make_generator(self) -> tf.keras.Model:
        return DeepFill(self.width, gated=True)

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        if not self.weights_of_terms["adversarial"]:
            self.critic = None
        elif self.critic is None:
            self.critic = FreeFormCritic(max(1, self.width * 4 // 3))

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        logs = {}
        with tf.GradientTape() as tape:
            # [B, H, W, 3] each
            coarse, refined = self.generator(
                [images * (1 - holes), holes], training=True, with_stages=True
            )
            composite = refined * holes + images * (1 - holes)

            # 1. The critic: real and fake in one call, so that its kernels are normalised once.
            if self.critic:
                with tape.stop_recording():
                    logs["critic"] = self.update_critic(
                        lambda: self.loss_of_critic(images, tf.stop_gradient(composite), holes)
                    )

            # 2. The generator.
            terms = {
                "coarse": tf.reduce_mean(tf.abs(coarse - images)),
                "refinement": tf.reduce_mean(tf.abs(refined - images)),
            }
            if self.critic:
                terms["adversarial"] = generator_hinge(
                    self.critic(tf.concat([composite, holes], -1), training=False)
                )
        return {**self.learn(tape, terms), **logs}

    def loss_of_critic(
        self, images: tf.Tensor, composite: tf.Tensor, holes: tf.Tensor
    ) -> tf.Tensor:
        """The critic's hinge loss, a scalar."""
        # [2B, H, W, 4]
        both = tf.concat([tf.concat([images, composite], 0), tf.concat([holes, holes], 0)], -1)
        # Scores of [B, H/64, W/64, C] each.
        return critic_hinge(*tf.split(self.critic(both, training=True), 2))
