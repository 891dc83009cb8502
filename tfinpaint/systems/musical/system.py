"""MUSICAL: multi-scale image contextual attention learning, IJCAI 2019.

One U-Net with a dilated bottom (section 3.1) and attention with patches of two sizes (3.2). It is
trained with the five terms of (7) (3.3, 4.1) against a DenseNet-121 as the critic. Images are in
[-1, 1], holes are blanked with 0. The network also sees the map of known pixels.

How the variants differ
                      paper                                official
    attention         cosine, known keys only;             see layers/patch_attention.py; fused
                      fused with the features              without the features, which a 3x3
                                                           convolution fuses with the result
    perceptual/style  of the output                        of the output and of the composite, added
    critic            ImageNet weights and normalisation   neither: the released code overwrites
                                                           what it loads
    critic's loss     mean cross-entropy of real and fake  half of it
    terms             without L1 in the hole               with it, and other weights
In both, the critic learns first, then the generator, from the same forward pass. Both have Adam at
2e-4, with beta1 0.5.

Deviations: attention works on a map of 64x64, as the number in the text and the released code say;
the text's "before the third last deconvolution" would be 32x32. The head of the critic is the
released one. Its sigmoid is part of the loss. The released attention always uses the hole with
which the network was built; here each picture has its own hole.
"""

from typing import Any, Dict, Optional

import tensorflow as tf

from tfinpaint.losses import (
    critic_cross_entropy,
    generator_cross_entropy,
    masked_l1,
    perceptual_and_style,
    total_variation,
)
from tfinpaint.networks import VGGFeatures
from tfinpaint.settings import SettingsError
from tfinpaint.systems.base import System
from tfinpaint.systems.musical import SPECIFICATION
from tfinpaint.systems.musical.densenet_critic import DenseNetCritic
from tfinpaint.systems.musical.unet import MusicalUNet


class Musical(System):
    """See the top of the file.

    Args:
        width: channels of the first layer of the generator (paper: 64).
        depth: blocks of the U-Net (paper: 8).
        attention_kind: patches of the attention, "both" (paper), "1" or "3"; or "none".
        squeeze_excite: whether squeeze-excite weighs the channels after the attention.
        bottom: blocks from the fifth on are "dilated" (paper) or "strided". Height and width of
            images are multiples of 16, or of 2^depth with a strided bottom.
        variant: "paper" or "official".
    """

    specification = SPECIFICATION

    def __init__(
        self,
        width=64,
        depth=8,
        attention_kind="both",
        squeeze_excite=True,
        bottom="dilated",
        variant="paper",
        **kwargs,
    ):
        super().__init__(variant=variant, **kwargs)
        self.width, self.depth, self.bottom = width, depth, bottom
        self.attention_kind, self.squeeze_excite = attention_kind, squeeze_excite
        self.generator = self.make_generator()
        self.built = True  # the networks are built, so Keras' summary and save_weights work at once

    @property
    def stride(self) -> int:
        return 2**self.depth if self.bottom == "strided" else 16

    @property
    def attention_layers(self) -> tuple:
        kinds = ("1", "3") if self.attention_kind == "both" else (self.attention_kind,)
        return tuple(f"patches_{k}x{k}" for k in kinds if k != "none")

    def make_generator(self) -> tf.keras.Model:
        return MusicalUNet(
            self.width,
            self.variant,
            self.depth,
            self.attention_kind,
            self.squeeze_excite,
            self.bottom,
        )

    def compile_networks(
        self, perceptual_weights: str, critic_weights: Optional[str], image_size: int
    ) -> None:
        weights, official = self.weights_of_terms, self.variant == "official"
        self.features = (
            VGGFeatures(perceptual_weights, contrast=2.0)
            if weights["perceptual"] or weights["style"]
            else None
        )
        if not weights["adversarial"]:
            self.critic = None
        elif official and critic_weights not in (None, "random"):
            raise SettingsError(
                f"`critic_weights={critic_weights!r}`: the released code overwrites them, so "
                "`variant='official'` begins "
                "from random ones; leave it out"
            )
        elif self.critic is None:
            self.critic = DenseNetCritic(
                critic_weights or ("random" if official else "imagenet"), official
            )

    def step(self, images: tf.Tensor, holes: tf.Tensor) -> Dict[str, tf.Tensor]:
        targets = self.features((images + 1) / 2) if self.features else None
        logs = {}
        with tf.GradientTape() as tape:
            output = self.generator([images * (1 - holes), holes], training=True)  # [B, H, W, 3]

            # 1. The critic: real and fake in separate calls, since its batch norms use the
            # statistics of the batch.
            if self.critic:
                with tape.stop_recording():
                    logs["critic"] = self.update_critic(
                        lambda: self.loss_of_critic(images, tf.stop_gradient(output))
                    )

            # 2. The generator.
            terms = self.terms(output, images, holes, targets)
        return {**self.learn(tape, terms), **logs}

    def loss_of_critic(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """The critic's loss, a scalar. real, fake: [B, H, W, 3] in [-1, 1]."""
        loss = critic_cross_entropy(
            self.critic(real, training=True), self.critic(fake, training=True)
        )
        return loss / 2 if self.variant == "official" else loss

    def terms(
        self,
        output: tf.Tensor,
        images: tf.Tensor,
        holes: tf.Tensor,
        targets: Any,
    ) -> Dict[str, tf.Tensor]:
        """The terms of equation (7), {name: scalar}, without their weights.

        Args:
            output, images: [B, H, W, 3] in [-1, 1].
            holes: [B, H, W, 1], 1 where missing.
            targets: VGG features of the images.
        """
        terms = {
            "l1": tf.reduce_mean(tf.abs(output - images)),
            "hole": masked_l1(output, images, holes),
        }
        if self.features:
            judged = (
                [output, output * holes + images * (1 - holes)]
                if self.variant == "official"
                else [output]
            )
            terms.update(
                perceptual_and_style(self.features, [(x + 1) / 2 for x in judged], targets)
            )
        terms["variation"] = total_variation(output)
        if self.critic:
            terms["adversarial"] = generator_cross_entropy(self.critic(output, training=True))
        return terms
